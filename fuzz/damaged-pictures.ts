/**
 * Damaged pictures. The seeds are small, of every kind that sharp can make, and some that are hostile; each kind of damage
 * is as likely as the others, and the same random numbers give the same damage.
 */
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { encoder } from '../test/helpers/http-host.ts';

export interface SeedPicture {
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

function pngChunk(type: string, data: Buffer): Buffer {
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

export interface FuzzCase {
  readonly description: string;
  readonly type: string;
  readonly bytes: Buffer;
}

type Random = () => number;

const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/** Sizes and offsets at which programs go wrong. */
const EXTREMES = [0, 1, 2, 0x7f, 0xff, 0x100, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff];

const TYPES = ['image/png', 'image/jpeg', 'image/webp', 'image/avif', 'image/gif', 'image/svg+xml', 'image/x-unknown'];

function flipBits(bytes: Buffer, random: Random): Buffer {
  const damaged = Buffer.from(bytes);
  const count = 1 + below(random, 24);
  // Half of the time only in the beginning, where a bit means most.
  const reach = random() < 0.5 ? Math.min(bytes.length, 200) : bytes.length;
  for (let i = 0; i < count && reach > 0; i++) {
    const at = below(random, reach);
    damaged[at] = (damaged[at] as number) ^ (1 << below(random, 8));
  }
  return damaged;
}

/** A number of the header replaced by another, in either byte order. */
function lie(bytes: Buffer, random: Random): Buffer {
  const damaged = Buffer.from(bytes);
  const value = EXTREMES[below(random, EXTREMES.length)] as number;
  const size = random() < 0.5 ? 2 : 4;
  const at = below(random, Math.min(400, Math.max(0, bytes.length - size)));
  if (at + size > bytes.length) return damaged;
  if (size === 2) damaged[random() < 0.5 ? 'writeUInt16BE' : 'writeUInt16LE'](value & 0xffff, at);
  else damaged[random() < 0.5 ? 'writeUInt32BE' : 'writeUInt32LE'](value, at);
  return damaged;
}

/** PNG only: a header that lies and whose checksum is right, so that the lie is believed. */
function lieWell(bytes: Buffer, random: Random): Buffer {
  if (bytes.length < 40 || bytes.toString('latin1', 12, 16) !== 'IHDR') return lie(bytes, random);
  const header = Buffer.from(bytes.subarray(16, 29));
  const field = below(random, 7);
  if (field < 2) header.writeUInt32BE(EXTREMES[below(random, EXTREMES.length)] as number, field * 4);
  else header[6 + field] = below(random, 20);
  return Buffer.concat([bytes.subarray(0, 8), pngChunk('IHDR', header), bytes.subarray(33)]);
}

function splice(bytes: Buffer, random: Random): Buffer {
  const a = below(random, bytes.length + 1);
  const b = below(random, bytes.length + 1);
  const from = Math.min(a, b);
  const to = Math.max(a, b);
  const kind = below(random, 3);
  if (kind === 0) return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  if (kind === 1) return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  const noise = Buffer.from(Array.from({ length: below(random, 300) }, () => below(random, 256)));
  return Buffer.concat([bytes.subarray(0, from), noise, bytes.subarray(to)]);
}

type Damage = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const DAMAGE: Readonly<Record<string, Damage>> = {
  none: (bytes) => bytes,
  truncated: (bytes, random) => bytes.subarray(0, below(random, bytes.length + 1)),
  flipped: flipBits,
  lying: lie,
  'lying well': lieWell,
  spliced: splice,
  crossed: (bytes, random, other) => {
    const end = below(random, bytes.length + 1);
    const start = below(random, other.length + 1);
    return Buffer.concat([bytes.subarray(0, end), other.subarray(start)]);
  },
  prolonged: (bytes, random) => Buffer.concat([bytes, Buffer.alloc(below(random, 100_000), below(random, 256))]),
};

/** The seeds themselves come first, undamaged: `index` below their number. */
export function fuzzCase(seeds: readonly SeedPicture[], index: number, random: Random): FuzzCase {
  const own = seeds[index];
  if (own) return { description: own.name, type: own.type, bytes: own.bytes };
  const seed = seeds[below(random, seeds.length)] as SeedPicture;
  const other = seeds[below(random, seeds.length)] as SeedPicture;
  const names = Object.keys(DAMAGE);
  const damages = Array.from({ length: 1 + below(random, 2) }, () => names[below(random, names.length)] as string);
  const bytes = damages.reduce((damaged, name) => (DAMAGE[name] as Damage)(damaged, random, other.bytes), seed.bytes);
  const type = random() < 0.8 ? seed.type : (TYPES[below(random, TYPES.length)] as string);
  return { description: `${seed.name}, ${damages.join(', ')}, as ${type}`, type, bytes };
}
