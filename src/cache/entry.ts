/** One cached picture as bytes: a head, facts as JSON, the encoded picture. */
import { crc32 } from 'node:zlib';

export interface CacheEntry {
  /** What was known about the picture when it was made: a plain JSON object. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly data: Uint8Array;
}

/** Also the version of this layout: what begins otherwise is not ours. */
const MAGIC = 'DSC1';
const HEAD_BYTES = 16;

/**
 * Magic, length of the facts, length of the data, CRC-32 of both (unsigned, little endian). The lengths tell a torn file, the
 * checksum a damaged one; both are for accidents, not for attackers, who could write a right checksum too.
 */
export function packEntry({ facts, data }: CacheEntry): Buffer {
  const text = Buffer.from(JSON.stringify(facts));
  const packed = Buffer.allocUnsafe(HEAD_BYTES + text.length + data.length);
  packed.write(MAGIC, 0, 'latin1');
  packed.writeUInt32LE(text.length, 4);
  packed.writeUInt32LE(data.length, 8);
  packed.writeUInt32LE(crc32(data, crc32(text)), 12);
  packed.set(text, HEAD_BYTES);
  packed.set(data, HEAD_BYTES + text.length);
  return packed;
}

/** Undefined for anything but a whole, undamaged entry. */
export function unpackEntry(packed: Uint8Array): CacheEntry | undefined {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  if (bytes.length < HEAD_BYTES || bytes.toString('latin1', 0, 4) !== MAGIC) return undefined;
  const factsEnd = HEAD_BYTES + bytes.readUInt32LE(4);
  if (bytes.length !== factsEnd + bytes.readUInt32LE(8)) return undefined;
  if (bytes.readUInt32LE(12) !== crc32(bytes.subarray(HEAD_BYTES))) return undefined;
  try {
    const facts: unknown = JSON.parse(bytes.toString('utf8', HEAD_BYTES, factsEnd));
    if (typeof facts !== 'object' || facts === null || Array.isArray(facts)) return undefined;
    return { facts: facts as CacheEntry['facts'], data: bytes.subarray(factsEnd) };
  } catch {
    return undefined;
  }
}
