/** The layers as one: memory, then disk, then a store that is shared. */
import { createDiskTier } from './disk-tier.ts';
import type { CacheEntry } from './entry.ts';
import { createMemoryTier } from './memory-tier.ts';
import { createSharedTier, type SharedStore } from './shared-tier.ts';
import type { CacheTier, TierName, TierSize } from './tier.ts';

export interface CacheOptions {
  /** Bytes of encoded pictures kept in memory; 0: none. @default 67108864 (64 MiB) */
  readonly memoryBytes?: number;
  /** Folder for a second layer that outlives the process; give each process its own. @default no such layer */
  readonly directory?: string;
  /** Bytes of that folder. @default 1073741824 (1 GiB) */
  readonly diskBytes?: number;
  /** A store that several servers share: a Keyv, an unstorage, or anything with `get`, `set` and `delete`. @default none */
  readonly shared?: SharedStore;
}

export const CACHE_DEFAULTS = { memoryBytes: 64 * 2 ** 20, diskBytes: 2 ** 30 } as const;

/** What the cache reports; `src/server/metrics` implements it. */
export interface CacheMeter {
  cacheHit(tier: TierName): void;
  cacheMiss(): void;
  cacheError(tier: TierName): void;
  cacheSize(tier: TierName, size: TierSize): void;
}

export interface PictureCache {
  /** From memory alone. */
  peek(key: string): CacheEntry | undefined;
  /** From the first layer that has it; the layers above get it too. */
  get(key: string): Promise<CacheEntry | undefined>;
  /** Whether any layer has it. As `get` it brings it into those above; hits and misses are not counted. */
  has(key: string): Promise<boolean>;
  /** At once in memory, soon in the other layers. */
  set(key: string, entry: CacheEntry): void;
  /** Waits for what is being written. */
  close(): Promise<void>;
}

export interface CacheParts {
  readonly options: CacheOptions;
  readonly meter: CacheMeter;
  readonly onError: (error: unknown) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

type NamedTier = readonly [name: TierName, tier: CacheTier];

async function createSlowTiers({ options, meter, onError, now }: CacheParts): Promise<readonly NamedTier[]> {
  const { directory, diskBytes = CACHE_DEFAULTS.diskBytes, shared } = options;
  const failed = (tier: TierName) => (error: unknown) => {
    meter.cacheError(tier);
    onError(error);
  };
  const tiers: NamedTier[] = [];
  if (directory !== undefined) {
    const onSize = (size: TierSize) => meter.cacheSize('disk', size);
    tiers.push([
      'disk',
      await createDiskTier({ directory, maxBytes: diskBytes, now, onError: failed('disk'), onSize }),
    ]);
  }
  if (shared !== undefined) tiers.push(['shared', createSharedTier({ store: shared, onError: failed('shared') })]);
  return tiers;
}

/** Throws DS_BAD_OPTION. */
export async function createCache(parts: CacheParts): Promise<PictureCache> {
  const { options, meter } = parts;
  const { memoryBytes = CACHE_DEFAULTS.memoryBytes } = options;
  const memory = memoryBytes > 0 ? createMemoryTier(memoryBytes, (size) => meter.cacheSize('memory', size)) : undefined;
  const slow = await createSlowTiers(parts);
  const peek = (key: string) => {
    const entry = memory?.get(key);
    if (entry) meter.cacheHit('memory');
    return entry;
  };
  const find = async (key: string) => {
    for (const [index, [name, tier]] of slow.entries()) {
      const entry = await tier.get(key);
      if (!entry) continue;
      memory?.set(key, entry);
      for (const [, above] of slow.slice(0, index)) void above.set(key, entry);
      return { entry, name };
    }
    return undefined;
  };
  return {
    peek,
    async get(key) {
      const found = await find(key);
      if (found) meter.cacheHit(found.name);
      else meter.cacheMiss();
      return found?.entry;
    },
    has: async (key) => memory?.get(key) !== undefined || (await find(key)) !== undefined,
    set(key, entry) {
      memory?.set(key, entry);
      // Layers report their failures themselves and never reject.
      for (const [, tier] of slow) void tier.set(key, entry);
    },
    async close() {
      await Promise.all(slow.map(([, tier]) => tier.close()));
    },
  };
}
