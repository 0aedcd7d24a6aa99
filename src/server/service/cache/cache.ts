/** Three layers as one: memory, then disk, then a shared store. */
import { LRUCache } from 'lru-cache';
import { DiskTier } from './disk-tier.ts';
import type { CacheEntry } from './entry.ts';
import { createSharedTier, type SharedStore } from './shared-tier.ts';
import type { CacheTier, TierName, TierSize } from './tier.ts';

export interface CacheOptions {
  /** Bytes of encoded pictures kept in memory; 0: none. @default 67108864 (64 MiB) */
  readonly memoryBytes?: number;
  /**
   * Folder for a second layer that outlives the process; give each process its own. @default no
   * such layer
   */
  readonly directory?: string;
  /** Bytes of that folder. @default 1073741824 (1 GiB) */
  readonly diskBytes?: number;
  /**
   * A store that several servers share: a Keyv, an unstorage, or anything with `get`, `set` and
   * `delete`. @default none
   */
  readonly shared?: SharedStore;
}

const CACHE_DEFAULTS = { memoryBytes: 64 * 2 ** 20, diskBytes: 2 ** 30 } as const;

/** What the cache reports; `src/server/metrics` implements it. */
export interface CacheMeter {
  cacheHit(tier: TierName): void;
  cacheMiss(): void;
  cacheError(tier: TierName): void;
  cacheSize(tier: TierName, size: TierSize): void;
}

export interface CacheDeps {
  readonly options: CacheOptions;
  readonly meter: CacheMeter;
  readonly onError: (error: unknown) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Key, facts and the bookkeeping of an entry in memory. */
const OVERHEAD_BYTES = 1024;

/**
 * Largest part of the memory one picture may take: a few large ones must not push out everything
 * else.
 */
const LARGEST_PART = 1 / 4;

/**
 * In memory of its own. An encoder's result lies where a thread of libvips put it, with as much
 * room behind it as it had grown by, and a picture kept there keeps what else that thread gave back
 * from going back to the system (dev/LOG.md).
 */
function compact(entry: CacheEntry): CacheEntry {
  const data = Buffer.allocUnsafeSlow(entry.data.byteLength);
  data.set(entry.data);
  return { ...entry, data };
}

/** The pictures used last, in memory. */
export class MemoryTier {
  readonly #entries: LRUCache<string, CacheEntry>;
  readonly #onSize: (size: TierSize) => void;

  /** @param maxBytes from 1. */
  constructor(maxBytes: number, onSize: (size: TierSize) => void = () => {}) {
    this.#onSize = onSize;
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      maxEntrySize: Math.max(1, Math.floor(maxBytes * LARGEST_PART)),
      sizeCalculation: ({ data }) => data.byteLength + OVERHEAD_BYTES,
    });
  }

  get size(): TierSize {
    return { bytes: this.#entries.calculatedSize, entries: this.#entries.size };
  }

  get(key: string): CacheEntry | undefined {
    return this.#entries.get(key);
  }

  set(key: string, entry: CacheEntry): void {
    // One that is too large only removes an older one of its key.
    const isTooLarge = entry.data.byteLength + OVERHEAD_BYTES > this.#entries.maxEntrySize;
    this.#entries.set(key, isTooLarge ? entry : compact(entry));
    this.#onSize(this.size);
  }
}

interface NamedTier {
  readonly name: TierName;
  readonly tier: CacheTier;
}

async function openSlowTiers({ options, meter, onError, now }: CacheDeps): Promise<readonly NamedTier[]> {
  const { directory, diskBytes = CACHE_DEFAULTS.diskBytes, shared } = options;
  const failed = (tier: TierName) => (error: unknown) => {
    meter.cacheError(tier);
    onError(error);
  };
  const tiers: NamedTier[] = [];
  if (directory !== undefined) {
    const onSize = (size: TierSize) => meter.cacheSize('disk', size);
    const tier = await DiskTier.open({ directory, maxBytes: diskBytes, now, onError: failed('disk'), onSize });
    tiers.push({ name: 'disk', tier });
  }
  if (shared !== undefined) {
    tiers.push({ name: 'shared', tier: createSharedTier({ store: shared, onError: failed('shared') }) });
  }
  return tiers;
}

/**
 * Memory first, then the slower layers. Layers report their failures themselves and never reject.
 */
export class LayeredCache {
  readonly #memory: MemoryTier | undefined;
  readonly #slow: readonly NamedTier[];
  readonly #meter: CacheMeter;

  private constructor({ options, meter }: CacheDeps, slow: readonly NamedTier[]) {
    const { memoryBytes = CACHE_DEFAULTS.memoryBytes } = options;
    this.#memory = memoryBytes > 0 ? new MemoryTier(memoryBytes, (size) => meter.cacheSize('memory', size)) : undefined;
    this.#slow = slow;
    this.#meter = meter;
  }

  /** Throws DS_BAD_OPTION. */
  static async open(deps: CacheDeps): Promise<LayeredCache> {
    return new LayeredCache(deps, await openSlowTiers(deps));
  }

  /** From memory alone. */
  peek(key: string): CacheEntry | undefined {
    const entry = this.#memory?.get(key);
    if (entry) this.#meter.cacheHit('memory');
    return entry;
  }

  /** From the first slower layer that has it; the layers above get it too. */
  async get(key: string): Promise<CacheEntry | undefined> {
    const found = await this.#find(key);
    if (found) this.#meter.cacheHit(found.name);
    else this.#meter.cacheMiss();
    return found?.entry;
  }

  /**
   * Whether any layer has it. As `get` it brings it into those above; hits and misses are not
   * counted.
   */
  async has(key: string): Promise<boolean> {
    return this.#memory?.get(key) !== undefined || (await this.#find(key)) !== undefined;
  }

  /** At once in memory, soon in the other layers. */
  set(key: string, entry: CacheEntry): void {
    this.#memory?.set(key, entry);
    for (const { tier } of this.#slow) void tier.set(key, entry);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await Promise.all(this.#slow.map(({ tier }) => tier.close()));
  }

  async #find(key: string): Promise<{ readonly entry: CacheEntry; readonly name: TierName } | undefined> {
    for (const [index, { name, tier }] of this.#slow.entries()) {
      const entry = await tier.get(key);
      if (!entry) continue;
      this.#memory?.set(key, entry);
      for (const { tier: above } of this.#slow.slice(0, index)) void above.set(key, entry);
      return { entry, name };
    }
    return undefined;
  }
}
