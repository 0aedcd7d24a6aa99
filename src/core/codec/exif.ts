/**
 * The few things that have to be known about EXIF: its orientation, its thumbnail and whose picture
 * it is.
 */

const ASCII = 2;
const SHORT = 3;
const ENTRY_BYTES = 12;

const ARTIST = 0x013b;
const COPYRIGHT = 0x8298;
const ORIENTATION = 0x0112;

interface Entry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  /** Where the value, or the offset of a long one, is. */
  readonly valueAt: number;
}

interface Directory {
  readonly entries: readonly Entry[];
  readonly nextAt: number;
}

interface Reader {
  u16(at: number): number;
  u32(at: number): number;
}

/** JPEG's segment starts with a name, PNG's chunk does not. */
function tiffPart(exif: Buffer): Buffer {
  return exif.toString('latin1', 0, 6) === 'Exif\0\0' ? exif.subarray(6) : exif;
}

function readerOf(tiff: Buffer): Reader | undefined {
  const order = tiff.toString('latin1', 0, 4);
  if (order === 'II*\0') return { u16: (at) => tiff.readUInt16LE(at), u32: (at) => tiff.readUInt32LE(at) };
  return order === 'MM\0*' ? { u16: (at) => tiff.readUInt16BE(at), u32: (at) => tiff.readUInt32BE(at) } : undefined;
}

/** The directory of the picture itself; undefined where the bytes are none of EXIF's. */
function firstDirectory(tiff: Buffer): Directory | undefined {
  const reader = readerOf(tiff);
  if (!reader || tiff.length < 8) return undefined;
  const at = reader.u32(4);
  if (at + 2 > tiff.length) return undefined;
  const count = reader.u16(at);
  const nextAt = at + 2 + count * ENTRY_BYTES;
  if (nextAt + 4 > tiff.length) return undefined;
  const entries = Array.from({ length: count }, (_, i): Entry => {
    const entryAt = at + 2 + i * ENTRY_BYTES;
    const [tag, type, values] = [reader.u16(entryAt), reader.u16(entryAt + 2), reader.u32(entryAt + 4)];
    return { tag, type, count: values, valueAt: entryAt + 8 };
  });
  return { entries, nextAt };
}

/**
 * The same as a TIFF structure, upright (the pixels are) and without the thumbnail, which shows the
 * small picture. Undefined where it cannot be read: what nobody understands is not passed on.
 */
export function uprightExif(exif: Buffer): Buffer | undefined {
  const tiff = Buffer.from(tiffPart(exif));
  const directory = firstDirectory(tiff);
  if (!directory) return undefined;
  for (const { tag, type, count, valueAt } of directory.entries) {
    if (tag !== ORIENTATION) continue;
    if (type !== SHORT || count !== 1) return undefined;
    // One in both byte orders: the two bytes of the value, of which one is already zero.
    const isLittle = tiff[0] === 0x49;
    tiff.set(isLittle ? [1, 0] : [0, 1], valueAt);
  }
  // The thumbnail is the second directory.
  tiff.writeUInt32LE(0, directory.nextAt);
  return tiff;
}

/**
 * An EXIF block with nothing but `Artist` and `Copyright`; undefined where the source names
 * neither.
 */
export function copyrightExif(exif: Buffer): Buffer | undefined {
  const tiff = tiffPart(exif);
  const reader = readerOf(tiff);
  const kept = (firstDirectory(tiff)?.entries ?? []).flatMap(({ tag, type, count, valueAt }) => {
    if ((tag !== ARTIST && tag !== COPYRIGHT) || type !== ASCII || count < 2) return [];
    const at = count > 4 ? (reader?.u32(valueAt) ?? 0) : valueAt;
    return at + count <= tiff.length ? [{ tag, text: tiff.subarray(at, at + count) }] : [];
  });
  return kept.length > 0 ? writeTexts(kept) : undefined;
}

function writeTexts(texts: readonly { readonly tag: number; readonly text: Buffer }[]): Buffer {
  const directory = Buffer.alloc(8 + 2 + texts.length * ENTRY_BYTES + 4);
  directory.write('II*\0', 'latin1');
  directory.writeUInt32LE(8, 4);
  directory.writeUInt16LE(texts.length, 8);
  let end = directory.length;
  const values: Buffer[] = [];
  // Tags are in ascending order, as TIFF wants them, in the source already; a file that broke the
  // rule gets it back.
  for (const [i, { tag, text }] of [...texts].sort((a, b) => a.tag - b.tag).entries()) {
    const at = 10 + i * ENTRY_BYTES;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(ASCII, at + 2);
    directory.writeUInt32LE(text.length, at + 4);
    if (text.length <= 4) text.copy(directory, at + 8);
    else {
      directory.writeUInt32LE(end, at + 8);
      values.push(text);
      end += text.length;
    }
  }
  return Buffer.concat([directory, ...values]);
}

/** XMP may repeat the orientation. */
export function uprightXmp(xmp: Buffer): Buffer {
  const text = xmp.toString('utf8');
  return Buffer.from(text.replace(/(tiff:Orientation(?:="|='|>))\s*[2-8]/g, '$11'), 'utf8');
}
