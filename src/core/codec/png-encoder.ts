/**
 * Pixels, colour profile and metadata in one uncompressed PNG that is written row by row: what
 * encoders read.
 */
import { crc32, createDeflate, deflateSync } from 'node:zlib';
import { type ChannelCount, hasAlpha, type Samples } from '../pixels/image.ts';

export interface PngHead {
  readonly width: number;
  readonly height: number;
  readonly channels: ChannelCount;
  readonly depth: 8 | 16;
  readonly icc?: Buffer;
  /** A TIFF structure, without the `Exif\0\0` that JPEG puts in front. */
  readonly exif?: Buffer;
  /** UTF-8. */
  readonly xmp?: Buffer;
}

export interface PngEncoder {
  /** Whole rows, from top to bottom. */
  write(rows: Samples): Promise<void>;
  end(): Promise<void>;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Bytes copied between two turns of the event loop: about a millisecond. */
const BYTES_PER_TURN = 2 ** 21;

/** Length and type, the data itself, its checksum. */
function chunk(type: string, data: Buffer): Buffer[] {
  const [front, end] = [Buffer.alloc(8), Buffer.alloc(4)];
  front.writeUInt32BE(data.length);
  front.write(type, 4, 'latin1');
  end.writeUInt32BE(crc32(data, crc32(front.subarray(4))));
  return [front, data, end];
}

function head({ width, height, channels, depth, icc, exif, xmp }: PngHead): Buffer[] {
  const ihdr = Buffer.alloc(13);
  ihdr.writeUInt32BE(width, 0);
  ihdr.writeUInt32BE(height, 4);
  // Colour types: 2 is the bit for colour, 4 the one for alpha.
  ihdr.set([depth, (channels > 2 ? 2 : 0) | (hasAlpha(channels) ? 4 : 0)], 8);
  const parts = [SIGNATURE, ...chunk('IHDR', ihdr)];
  if (icc) parts.push(...chunk('iCCP', Buffer.concat([Buffer.from('icc\0\0', 'latin1'), deflateSync(icc)])));
  if (exif) parts.push(...chunk('eXIf', exif));
  if (xmp) parts.push(...chunk('iTXt', Buffer.concat([Buffer.from('XML:com.adobe.xmp\0\0\0\0\0', 'latin1'), xmp])));
  return parts;
}

/**
 * PNG's rows, into the beginning of `memory`: a zero (no filter), then the samples, 16 bits with
 * the upper byte first.
 */
function toScanlines(rows: Samples, rowLength: number, memory: Buffer): Buffer {
  const count = rows.length / rowLength;
  const rowBytes = rowLength * rows.BYTES_PER_ELEMENT;
  const lines = memory.subarray(0, count * (rowBytes + 1));
  const source = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
  for (let row = 0; row < count; row++) {
    const at = row * (rowBytes + 1);
    lines[at] = 0;
    lines.set(source.subarray(row * rowBytes, (row + 1) * rowBytes), at + 1);
    if (rows.BYTES_PER_ELEMENT === 2) lines.subarray(at + 1, at + 1 + rowBytes).swap16();
  }
  return lines;
}

/**
 * sharp takes neither raw pixels piece by piece, nor a profile or metadata for them (its
 * `withIccProfile` would convert them). From a file it reads rows as it needs them, and a PNG that
 * is not compressed costs two checksums and a copy.
 *
 * @param append called in order, each time with bytes that are the callee's to keep.
 */
export function createPngEncoder(
  picture: PngHead,
  append: (bytes: readonly Uint8Array[]) => Promise<void>,
): PngEncoder {
  const rowLength = picture.width * picture.channels;
  const rowBytes = rowLength * (picture.depth / 8);
  const rowsAtOnce = Math.max(1, Math.floor(BYTES_PER_TURN / rowBytes));
  // One for all rows: garbage of this size piles up before it is collected.
  const memory = Buffer.allocUnsafe(Math.min(rowsAtOnce, picture.height) * (rowBytes + 1));
  const deflate = createDeflate({ level: 0, chunkSize: 2 ** 20 });
  let ready = head(picture);
  deflate.on('data', (data: Buffer) => ready.push(...chunk('IDAT', data)));
  const flush = async () => {
    const parts = ready;
    ready = [];
    if (parts.length > 0) await append(parts);
  };
  return {
    async write(rows) {
      for (let start = 0; start < rows.length; start += rowsAtOnce * rowLength) {
        const lines = toScanlines(rows.subarray(start, start + rowsAtOnce * rowLength), rowLength, memory);
        await new Promise<void>((resolve, reject) => {
          deflate.write(lines, (error) => (error ? reject(error) : resolve()));
        });
        await flush();
      }
    },
    async end() {
      const ended = new Promise((resolve, reject) => deflate.once('end', resolve).once('error', reject));
      deflate.end();
      await ended;
      ready.push(...chunk('IEND', Buffer.alloc(0)));
      await flush();
    },
  };
}
