/** One cached picture as bytes: a head, facts as JSON, the encoded picture. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';

export interface CacheEntry {
  /** What was known about the picture when it was made: a plain JSON object. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly data: Uint8Array;
}

/** Also the version of this layout: what begins otherwise is not ours. */
const MAGIC = 'DSC1';
const HEAD_BYTES = 16;

/** Bytes between two turns of the event loop: a millisecond or two. */
const BYTES_PER_TURN = 2 ** 22;

async function checksum(start: number, data: Uint8Array): Promise<number> {
  let value = start;
  for (let from = 0; from < data.length; from += BYTES_PER_TURN) {
    if (from > 0) await nextTurn();
    value = crc32(data.subarray(from, from + BYTES_PER_TURN), value);
  }
  return value;
}

/**
 * What is written, in two parts so that the picture is not copied: the head with the facts, the
 * data. The head: magic, length of the facts, length of the data, CRC-32 of both (unsigned, little
 * endian). The lengths reveal a torn file, the checksum a damaged one; both are against accidents,
 * not attackers, who could write a valid checksum.
 */
export async function packEntry({ facts, data }: CacheEntry): Promise<readonly [head: Buffer, data: Uint8Array]> {
  const text = Buffer.from(JSON.stringify(facts));
  const head = Buffer.alloc(HEAD_BYTES + text.length);
  head.write(MAGIC, 0, 'latin1');
  head.writeUInt32LE(text.length, 4);
  head.writeUInt32LE(data.length, 8);
  head.writeUInt32LE(await checksum(crc32(text), data), 12);
  head.set(text, HEAD_BYTES);
  return [head, data];
}

/** Undefined for anything but a whole, undamaged entry. */
export async function unpackEntry(packed: Uint8Array): Promise<CacheEntry | undefined> {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  if (bytes.length < HEAD_BYTES || bytes.toString('latin1', 0, 4) !== MAGIC) return undefined;
  const factsEnd = HEAD_BYTES + bytes.readUInt32LE(4);
  if (bytes.length !== factsEnd + bytes.readUInt32LE(8)) return undefined;
  if (bytes.readUInt32LE(12) !== (await checksum(0, bytes.subarray(HEAD_BYTES)))) return undefined;
  try {
    const facts: unknown = JSON.parse(bytes.toString('utf8', HEAD_BYTES, factsEnd));
    if (typeof facts !== 'object' || facts === null || Array.isArray(facts)) return undefined;
    return { facts: facts as CacheEntry['facts'], data: bytes.subarray(factsEnd) };
  } catch {
    return undefined;
  }
}
