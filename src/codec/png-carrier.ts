/** Pixels, colour profile and metadata in one uncompressed PNG that is written row by row: what encoders read. */
import { crc32, createDeflate, deflateSync } from 'node:zlib';
import { type ChannelCount, hasAlpha, type Samples } from '../pixels/image.ts';

export interface CarrierHead {
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

export interface PngCarrier {
  /** Whole rows, from top to bottom. */
  write(rows: Samples): Promise<void>;
  end(): Promise<void>;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Bytes copied between two turns of the event loop: about a millisecond. */
const BYTES_PER_TURN = 2 ** 21;

function chunk(type: string, data: Buffer): Buffer {
  const result = Buffer.allocUnsafe(data.length + 12);
  result.writeUInt32BE(data.length, 0);
  result.write(type, 4, 'latin1');
  data.copy(result, 8);
  result.writeUInt32BE(crc32(result.subarray(4, data.length + 8)), data.length + 8);
  return result;
}

function head({ width, height, channels, depth, icc, exif, xmp }: CarrierHead): Buffer {
  const ihdr = Buffer.alloc(13);
  ihdr.writeUInt32BE(width, 0);
  ihdr.writeUInt32BE(height, 4);
  // Colour types: 2 is the bit for colour, 4 the one for alpha.
  ihdr.set([depth, (channels > 2 ? 2 : 0) | (hasAlpha(channels) ? 4 : 0)], 8);
  const parts = [SIGNATURE, chunk('IHDR', ihdr)];
  if (icc) parts.push(chunk('iCCP', Buffer.concat([Buffer.from('icc\0\0', 'latin1'), deflateSync(icc)])));
  if (exif) parts.push(chunk('eXIf', exif));
  if (xmp) parts.push(chunk('iTXt', Buffer.concat([Buffer.from('XML:com.adobe.xmp\0\0\0\0\0', 'latin1'), xmp])));
  return Buffer.concat(parts);
}

/** PNG's rows: a zero (no filter), then the samples, 16 bits with the upper byte first. */
function toScanlines(rows: Samples, rowLength: number): Buffer {
  const count = rows.length / rowLength;
  const rowBytes = rowLength * rows.BYTES_PER_ELEMENT;
  const lines = Buffer.allocUnsafe(count * (rowBytes + 1));
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
 * sharp takes neither raw pixels piece by piece, nor a profile or metadata for them (its `withIccProfile` would convert them). From a
 * file it reads rows as it needs them, and a PNG that is not compressed costs two checksums and a copy.
 *
 * @param append called in order, each time with bytes that are the callee's to keep.
 */
export function createPngCarrier(picture: CarrierHead, append: (bytes: Buffer) => Promise<void>): PngCarrier {
  const rowLength = picture.width * picture.channels;
  const deflate = createDeflate({ level: 0, chunkSize: 2 ** 20 });
  let ready: Buffer[] = [head(picture)];
  deflate.on('data', (data: Buffer) => ready.push(chunk('IDAT', data)));
  const flush = async () => {
    const parts = ready;
    ready = [];
    for (const part of parts) await append(part);
  };
  return {
    async write(rows) {
      const rowsAtOnce = Math.max(1, Math.floor(BYTES_PER_TURN / (rowLength * rows.BYTES_PER_ELEMENT)));
      for (let start = 0; start < rows.length; start += rowsAtOnce * rowLength) {
        const lines = toScanlines(rows.subarray(start, start + rowsAtOnce * rowLength), rowLength);
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
      ready.push(chunk('IEND', Buffer.alloc(0)));
      await flush();
    },
  };
}
