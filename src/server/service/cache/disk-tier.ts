/**
 * Pictures in a folder, bounded in bytes, one file each. A file is written elsewhere and renamed,
 * so a reader sees all of it or nothing, also when the writer is killed. Nothing is fsynced: what a
 * power cut may leave (a name before its bytes) is found by the length and the checksum when it is
 * read, and costs one enlargement; an fsync per picture would cost every one of them.
 */
import { mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { badOption } from '../../../core/errors.ts';
import { fileOf, folderOf, openFolder, unfinishedFolder } from './disk-index.ts';
import { type CacheEntry, packEntry, unpackEntry } from './entry.ts';
import type { CacheTier, TierSize } from './tier.ts';

export interface DiskTierOptions {
  /**
   * Made if it is not there. One process at a time counts right; several each keep `maxBytes` of
   * what they know.
   */
  readonly directory: string;
  /** Most bytes of all entries together, from 1. */
  readonly maxBytes: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
  readonly onSize?: (size: TierSize) => void;
}

interface IndexEntry {
  readonly bytes: number;
  usedAt: number;
}

/**
 * A use is written down when the last one is this old: a restart needs to know days, not seconds.
 */
const TOUCH_AFTER_MS = 10 * 60_000;

/** Bytes that may wait to be written; more are not kept: a slow disk must not become memory. */
const MAX_UNWRITTEN_BYTES = 64 * 2 ** 20;

const LARGEST_PART = 1 / 4;

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

export class DiskTier implements CacheTier {
  readonly #options: DiskTierOptions;
  readonly #index: LRUCache<string, IndexEntry>;
  readonly #working = new Set<Promise<unknown>>();
  #unwritten = 0;
  #writes = 0;

  private constructor(options: DiskTierOptions) {
    this.#options = options;
    this.#index = new LRUCache<string, IndexEntry>({
      maxSize: options.maxBytes,
      maxEntrySize: Math.max(1, Math.floor(options.maxBytes * LARGEST_PART)),
      sizeCalculation: ({ bytes }) => Math.max(1, bytes),
      // `set` of a present key overwrites the file itself.
      dispose: (_, key, reason) => reason === 'evict' && void this.#remove(key),
    });
  }

  /** Reads the folder. Throws DS_BAD_OPTION when it cannot be written. */
  static async open(options: DiskTierOptions): Promise<DiskTier> {
    const tier = new DiskTier(options);
    await tier.#open();
    return tier;
  }

  async #open(): Promise<void> {
    const { directory, now } = this.#options;
    const found = await openFolder(directory, now()).catch((error: unknown) => {
      throw badOption('cache.directory', `a folder that can be written (${String(error)})`, directory);
    });
    for (const { key, bytes, usedAt } of found) {
      this.#index.set(key, { bytes, usedAt });
      // Too large now: the limit was lowered.
      if (!this.#index.has(key)) void this.#remove(key);
    }
    this.#changed();
  }

  get size(): TierSize {
    return { bytes: this.#index.calculatedSize, entries: this.#index.size };
  }

  async get(key: string): Promise<CacheEntry | undefined> {
    const file = fileOf(this.#options.directory, key);
    try {
      const packed = await readFile(file);
      const entry = await unpackEntry(packed);
      if (entry) this.#used(key, file, packed.length);
      else await this.#drop(key);
      return entry;
    } catch (error) {
      if (!isMissing(error)) this.#options.onError(error);
      this.#index.delete(key);
      return undefined;
    }
  }

  async set(key: string, entry: CacheEntry): Promise<void> {
    const bytes = entry.data.byteLength;
    const isTooMuch = this.#unwritten > 0 && this.#unwritten + bytes > MAX_UNWRITTEN_BYTES;
    if (isTooMuch || bytes > this.#options.maxBytes * LARGEST_PART) return;
    this.#unwritten += bytes;
    try {
      await this.#work(this.#write(key, entry));
    } catch (error) {
      this.#options.onError(error);
    } finally {
      this.#unwritten -= bytes;
    }
  }

  async close(): Promise<void> {
    while (this.#working.size > 0) await Promise.allSettled(this.#working);
  }

  #work<T>(promise: Promise<T>): Promise<T> {
    this.#working.add(promise);
    const forget = () => this.#working.delete(promise);
    promise.then(forget, forget);
    return promise;
  }

  async #write(key: string, entry: CacheEntry): Promise<void> {
    const { directory, now } = this.#options;
    this.#writes += 1;
    const unfinished = join(unfinishedFolder(directory), `${process.pid}-${this.#writes}-${key.slice(0, 16)}`);
    try {
      const parts = await packEntry(entry);
      await writeFile(unfinished, parts, { flag: 'wx' });
      await mkdir(folderOf(directory, key), { recursive: true });
      await rename(unfinished, fileOf(directory, key));
      this.#index.set(key, { bytes: parts[0].length + parts[1].length, usedAt: now() });
      this.#changed();
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  #used(key: string, file: string, bytes: number): void {
    const now = this.#options.now();
    const known = this.#index.get(key);
    // One that another process wrote.
    if (!known) this.#index.set(key, { bytes, usedAt: now });
    else if (now - known.usedAt > TOUCH_AFTER_MS) {
      known.usedAt = now;
      void this.#work(utimes(file, now / 1000, now / 1000)).catch(() => {});
    }
  }

  /** A torn or damaged file is counted and removed; the next request makes it anew. */
  async #drop(key: string): Promise<void> {
    this.#options.onError(new Error(`the cache entry ${key} was damaged and is removed`));
    this.#index.delete(key);
    await this.#remove(key);
  }

  async #remove(key: string): Promise<void> {
    await this.#work(rm(fileOf(this.#options.directory, key), { force: true })).catch(this.#options.onError);
    this.#changed();
  }

  #changed(): void {
    this.#options.onSize?.(this.size);
  }
}
