/** RGB pixels and a colour profile in one uncompressed TIFF, held in memory. */
import type { PixelImage } from '../pixels/image.ts';

const SHORT = 3;
const LONG = 4;
const UNDEFINED = 7;

/** Decoders read a strip at a time. */
const STRIP_BYTES = 2 ** 20;

/**
 * sharp can pass a profile on from its input to its output, but takes none for raw pixels (its `withIccProfile` would
 * convert them). A baseline TIFF is raw pixels with a table in front, so writing one costs a copy and nothing else.
 */
export function tiffWithProfile(rgb: PixelImage, icc: Buffer): Buffer {
  const rowBytes = rgb.width * 3;
  const rowsPerStrip = Math.max(1, Math.min(rgb.height, Math.floor(STRIP_BYTES / rowBytes)));
  const stripCount = Math.ceil(rgb.height / rowsPerStrip);
  const entryCount = 11;
  const bitsOffset = 8 + 2 + entryCount * 12 + 4;
  const stripOffsetsOffset = bitsOffset + 6;
  const stripSizesOffset = stripOffsetsOffset + 4 * stripCount;
  const iccOffset = stripSizesOffset + 4 * stripCount;
  const pixelsOffset = iccOffset + icc.length;
  const head = Buffer.alloc(pixelsOffset);
  head.write('II*\0', 'latin1');
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(entryCount, 8);
  let entryOffset = 10;
  const entry = (tag: number, type: number, count: number, value: number): void => {
    head.writeUInt16LE(tag, entryOffset);
    head.writeUInt16LE(type, entryOffset + 2);
    head.writeUInt32LE(count, entryOffset + 4);
    head.writeUInt32LE(value, entryOffset + 8);
    entryOffset += 12;
  };
  const stripBytes = (strip: number): number => Math.min(rowsPerStrip, rgb.height - strip * rowsPerStrip) * rowBytes;
  for (let sample = 0; sample < 3; sample++) head.writeUInt16LE(8, bitsOffset + 2 * sample);
  for (let strip = 0; strip < stripCount; strip++) {
    head.writeUInt32LE(pixelsOffset + strip * rowsPerStrip * rowBytes, stripOffsetsOffset + 4 * strip);
    head.writeUInt32LE(stripBytes(strip), stripSizesOffset + 4 * strip);
  }
  icc.copy(head, iccOffset);
  // A single value sits in the entry itself, several are pointed to.
  const listOrValue = (offset: number): number => (stripCount === 1 ? head.readUInt32LE(offset) : offset);
  entry(256, LONG, 1, rgb.width);
  entry(257, LONG, 1, rgb.height);
  entry(258, SHORT, 3, bitsOffset);
  entry(259, SHORT, 1, 1); // not compressed
  entry(262, SHORT, 1, 2); // RGB
  entry(273, LONG, stripCount, listOrValue(stripOffsetsOffset));
  entry(277, SHORT, 1, 3); // samples per pixel
  entry(278, LONG, 1, rowsPerStrip);
  entry(279, LONG, stripCount, listOrValue(stripSizesOffset));
  entry(284, SHORT, 1, 1); // interleaved
  entry(34675, UNDEFINED, icc.length, iccOffset);
  return Buffer.concat([head, rgb.data]);
}
