/** The pictures used last, in memory. */
import { LRUCache } from 'lru-cache';
import type { CacheEntry } from './entry.ts';
import type { TierSize } from './tier.ts';

export interface MemoryTier {
  get(key: string): CacheEntry | undefined;
  set(key: string, entry: CacheEntry): void;
  readonly size: TierSize;
}

/** Key, facts and the bookkeeping of an entry. */
const OVERHEAD_BYTES = 1024;

/** Largest part of the layer one picture may take: a few large ones must not push out everything else. */
const LARGEST_PART = 1 / 4;

/**
 * In memory of its own. An encoder's result lies where a thread of libvips put it, with as much room behind it as it had grown by, and a
 * picture kept there keeps what else that thread gave back from going back to the system (dev/LOG.md).
 */
function compact(entry: CacheEntry): CacheEntry {
  const data = Buffer.allocUnsafeSlow(entry.data.byteLength);
  data.set(entry.data);
  return { ...entry, data };
}

/** @param maxBytes from 1. */
export function createMemoryTier(maxBytes: number, onSize: (size: TierSize) => void = () => {}): MemoryTier {
  const maxEntrySize = Math.max(1, Math.floor(maxBytes * LARGEST_PART));
  const sizeOf = ({ data }: CacheEntry) => data.byteLength + OVERHEAD_BYTES;
  const entries = new LRUCache<string, CacheEntry>({ maxSize: maxBytes, maxEntrySize, sizeCalculation: sizeOf });
  const size = (): TierSize => ({ bytes: entries.calculatedSize, entries: entries.size });
  return {
    get: (key) => entries.get(key),
    set: (key, entry) => {
      // One that is too large takes an older one's place with nothing.
      entries.set(key, sizeOf(entry) > maxEntrySize ? entry : compact(entry));
      onSize(size());
    },
    get size() {
      return size();
    },
  };
}
