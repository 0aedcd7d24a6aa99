/** Damage to files, each kind as likely as the others; the same random numbers give the same damage. */
import { pngChunk, type SeedPicture } from './seed-pictures.ts';

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
  const [a, b] = [below(random, bytes.length + 1), below(random, bytes.length + 1)].sort((x, y) => x - y);
  const [from, to] = [a as number, b as number];
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
    const [end, start] = [below(random, bytes.length + 1), below(random, other.length + 1)];
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
