/** What the bytes say about themselves before any decoder sees them. */

export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'avif';

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const JPEG_START = Buffer.from([0xff, 0xd8, 0xff]);

/**
 * The format by its signature; undefined for all else (SVG, GIF, HEIC, PDF, HTML ...), which
 * therefore never reaches a decoder: an SVG can make its renderer fetch files, and every further
 * decoder is one more thing to attack.
 */
export function sniffFormat(bytes: Buffer): ImageFormat | undefined {
  if (bytes.subarray(0, 8).equals(PNG_SIGNATURE)) return 'png';
  if (bytes.subarray(0, 3).equals(JPEG_START)) return 'jpeg';
  if (ascii(bytes, 0) === 'RIFF' && ascii(bytes, 8) === 'WEBP') return 'webp';
  const brands = fileTypeBrands(bytes);
  return brands.includes('avif') || brands.includes('avis') ? 'avif' : undefined;
}

/**
 * True for an APNG or an AVIF sequence: their decoders give the first frame and do not tell that
 * there are more.
 */
export function declaresAnimation(bytes: Buffer, format: ImageFormat): boolean {
  if (format === 'avif') return fileTypeBrands(bytes)[0] === 'avis';
  if (format !== 'png') return false;
  for (const { type, offset } of pngChunks(bytes)) {
    if (type === 'IDAT') return false;
    if (type === 'acTL') return offset + 4 <= bytes.length && bytes.readUInt32BE(offset) > 1;
  }
  return false;
}

/** True for a still WebP whose pixels are conditioned as VP8L. */
export function isLosslessWebp(bytes: Buffer): boolean {
  let offset = 12;
  while (offset + 8 <= bytes.length) {
    const type = ascii(bytes, offset);
    if (type === 'VP8L') return true;
    if (type === 'VP8 ' || type === 'ANMF') return false;
    const size = bytes.readUInt32LE(offset + 4);
    offset += 8 + size + (size % 2);
  }
  return false;
}

function ascii(bytes: Buffer, offset: number): string {
  return bytes.toString('latin1', offset, offset + 4);
}

/**
 * Major brand first, then the compatible ones; empty when the file does not start with an ISO media
 * file type box.
 */
function fileTypeBrands(bytes: Buffer): string[] {
  if (bytes.length < 16 || ascii(bytes, 4) !== 'ftyp') return [];
  // 64 brands are far more than any file has.
  const end = Math.min(bytes.readUInt32BE(0), bytes.length, 16 + 64 * 4);
  const brands = [ascii(bytes, 8)];
  for (let offset = 16; offset + 4 <= end; offset += 4) brands.push(ascii(bytes, offset));
  return brands;
}

function* pngChunks(bytes: Buffer): Generator<{ readonly type: string; readonly offset: number }> {
  let offset = 8;
  while (offset + 8 <= bytes.length) {
    yield { type: ascii(bytes, offset + 4), offset: offset + 8 };
    offset += bytes.readUInt32BE(offset) + 12;
  }
}
