/**
 * What every layer of the cache can do. A layer that fails is a layer that misses: no request fails
 * because of a cache.
 */
import type { CacheEntry } from './entry.ts';

export const TIER_NAMES = ['memory', 'disk', 'shared'] as const;

export type TierName = (typeof TIER_NAMES)[number];

export interface CacheTier {
  get(key: string): Promise<CacheEntry | undefined>;
  set(key: string, entry: CacheEntry): Promise<void>;
  /** Waits for what is being written. */
  close(): Promise<void>;
}

/** Keys are digests in hexadecimal: they become file names and keys of foreign stores. */
export const KEY = /^[0-9a-f]{64}$/;

/** How much a layer holds; undefined where it cannot be known. */
export interface TierSize {
  readonly bytes: number;
  readonly entries: number;
}
