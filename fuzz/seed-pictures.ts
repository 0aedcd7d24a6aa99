/** The pictures that are damaged: small, of every kind that sharp can make, and some that nobody should have made. */
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { encoder } from '../test/helpers/http-host.ts';

export interface SeedPicture {
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

export function pngChunk(type: string, data: Buffer): Buffer {
  const chunk = Buffer.alloc(data.length + 12);
  chunk.writeUInt32BE(data.length);
  chunk.write(type, 4, 'latin1');
  data.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, data.length + 8)), data.length + 8);
  return chunk;
}

/** One bit a pixel, all zero: 30000x30000 of it are 112 MB before and 110 KB after compression. */
function flatPng(width: number, height: number, rows = height): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const pixels = deflateSync(Buffer.alloc(rows * (1 + Math.ceil(width / 8))), { level: 9 });
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const chunks = [pngChunk('IHDR', header), pngChunk('IDAT', pixels), pngChunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([signature, ...chunks]);
}

async function animatedWebp(): Promise<Buffer> {
  const frames = await Promise.all([20, 21].map((width) => encoder(width, 15).resize(20, 15).png().toBuffer()));
  return sharp(frames, { join: { animated: true } })
    .webp()
    .toBuffer();
}

/** A PNG that says it has two frames. */
async function animatedPng(): Promise<Buffer> {
  const png = await encoder(20, 15).png().toBuffer();
  const control = pngChunk('acTL', Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]));
  return Buffer.concat([png.subarray(0, 33), control, png.subarray(33)]);
}

export async function seedPictures(): Promise<SeedPicture[]> {
  const rgb = () => encoder(40, 30);
  const rgba = () => rgb().ensureAlpha(0.5);
  const wide = Uint16Array.from({ length: 24 * 18 * 3 }, (_, i) => (i * 911) % 65536);
  const wideRgb = sharp(wide, { raw: { width: 24, height: 18, channels: 3 } }).toColourspace('rgb16');
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>';
  const made: readonly (readonly [name: string, type: string, bytes: Promise<Buffer> | Buffer])[] = [
    ['png', 'image/png', rgb().png().toBuffer()],
    ['png alpha', 'image/png', rgba().png().toBuffer()],
    ['png gray', 'image/png', rgb().toColourspace('b-w').png().toBuffer()],
    ['png 16 bits', 'image/png', wideRgb.png().toBuffer()],
    ['png palette', 'image/png', rgb().png({ palette: true }).toBuffer()],
    ['png interlaced', 'image/png', rgb().png({ progressive: true }).toBuffer()],
    ['png profile', 'image/png', rgb().withIccProfile('p3').png().toBuffer()],
    ['jpeg', 'image/jpeg', rgb().jpeg().toBuffer()],
    ['jpeg progressive', 'image/jpeg', rgb().jpeg({ progressive: true }).toBuffer()],
    ['jpeg gray', 'image/jpeg', rgb().toColourspace('b-w').jpeg().toBuffer()],
    ['jpeg CMYK', 'image/jpeg', rgb().toColourspace('cmyk').jpeg().toBuffer()],
    ['jpeg turned', 'image/jpeg', rgb().withMetadata({ orientation: 6 }).jpeg().toBuffer()],
    ['webp', 'image/webp', rgb().webp().toBuffer()],
    ['webp lossless alpha', 'image/webp', rgba().webp({ lossless: true }).toBuffer()],
    ['webp animated', 'image/webp', animatedWebp()],
    ['png animated', 'image/png', animatedPng()],
    ['avif', 'image/avif', rgb().avif({ effort: 0 }).toBuffer()],
    ['avif alpha', 'image/avif', rgba().avif({ effort: 0 }).toBuffer()],
    ['gif', 'image/gif', rgb().gif().toBuffer()],
    ['svg', 'image/svg+xml', Buffer.from(svg)],
    ['tiff', 'image/tiff', rgb().tiff().toBuffer()],
    ['bomb', 'image/png', flatPng(30_000, 30_000)],
    ['bomb within the limits', 'image/png', flatPng(1000, 1000)],
    ['bomb without its rows', 'image/png', flatPng(30_000, 30_000, 4)],
    ['one row', 'image/png', flatPng(60_000, 1)],
    ['one pixel', 'image/png', flatPng(1, 1)],
    ['nothing', 'image/png', Buffer.alloc(0)],
    ['text', 'image/jpeg', Buffer.from('not a picture at all')],
  ];
  return Promise.all(made.map(async ([name, type, bytes]) => ({ name, type, bytes: await bytes })));
}
