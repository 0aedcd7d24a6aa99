/** Entries whose bytes follow from their number, so that a reader knows what it must get. */
import { createHash } from 'node:crypto';
import type { CacheEntry } from '../../../../src/server/service/cache/entry.ts';

export const keyOf = (number: number): string => createHash('sha256').update(`key ${number}`).digest('hex');

export function entryOf(number: number, bytes = 1000): CacheEntry {
  const data = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) data[i] = (number * 31 + i * 7) % 251;
  return { facts: { number, name: `picture ${number}` }, data };
}
