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

/** @param maxBytes from 1. */
export function createMemoryTier(maxBytes: number, onSize: (size: TierSize) => void = () => {}): MemoryTier {
  const entries = new LRUCache<string, CacheEntry>({
    maxSize: maxBytes,
    maxEntrySize: Math.max(1, Math.floor(maxBytes * LARGEST_PART)),
    sizeCalculation: ({ data }) => data.byteLength + OVERHEAD_BYTES,
  });
  const size = (): TierSize => ({ bytes: entries.calculatedSize, entries: entries.size });
  return {
    get: (key) => entries.get(key),
    set: (key, entry) => {
      entries.set(key, entry);
      onSize(size());
    },
    get size() {
      return size();
    },
  };
}
