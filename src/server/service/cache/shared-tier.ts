/**
 * A store that several servers share: any Keyv, any unstorage, or whatever has their three methods.
 */
import { badOption } from '../../../core/errors.ts';
import { type CacheEntry, packEntry, unpackEntry } from './entry.ts';
import type { CacheTier } from './tier.ts';

/** Keyv fits as it is, unstorage too (`get`, `set`, `del`); so does a `Map`. Values are strings. */
export interface SharedStore {
  get(key: string): unknown;
  set(key: string, value: string): unknown;
  /** Called for entries that turn out to be damaged. */
  delete?(key: string): unknown;
  del?(key: string): unknown;
}

export interface SharedTierOptions {
  readonly store: SharedStore;
  readonly onError: (error: unknown) => void;
  /**
   * A store that takes longer to answer is passed over: the picture is made instead. @default 500
   */
  readonly timeoutMs?: number;
}

/**
 * Base64, because it survives every store and serializer. The prefix keeps unstorage from taking it
 * for a number or JSON.
 */
const PREFIX = 'dualscale:';

/**
 * Stores such as Redis take up to 512 MB; what is larger than this is cheaper made than fetched.
 */
const MAX_VALUE_BYTES = 16 * 2 ** 20;

async function decodeValue(value: unknown): Promise<CacheEntry | undefined> {
  if (typeof value !== 'string' || !value.startsWith(PREFIX)) return undefined;
  return unpackEntry(Buffer.from(value.slice(PREFIX.length), 'base64'));
}

async function within<T>(milliseconds: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the shared cache took more than ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Throws DS_BAD_OPTION for something that is not a store. */
export function createSharedTier({ store, onError, timeoutMs = 500 }: SharedTierOptions): CacheTier {
  if (typeof store?.get !== 'function' || typeof store.set !== 'function') {
    throw badOption('cache.shared', 'a store with `get` and `set`, such as a Keyv', typeof store);
  }
  const writing = new Set<Promise<unknown>>();
  const nameOf = (key: string) => `${PREFIX}${key}`;
  const remove = async (key: string) => {
    if (store.delete) await store.delete(nameOf(key));
    else await store.del?.(nameOf(key));
  };
  const write = async (key: string, entry: CacheEntry) => {
    const value = PREFIX + Buffer.concat(await packEntry(entry)).toString('base64');
    await within(timeoutMs * 10, async () => store.set(nameOf(key), value));
  };

  return {
    async get(key) {
      try {
        const value = await within(timeoutMs, async () => store.get(nameOf(key)));
        if (value === undefined || value === null) return undefined;
        const entry = await decodeValue(value);
        if (entry) return entry;
        onError(new Error(`the shared cache entry ${key} was damaged and is removed`));
        await within(timeoutMs, () => remove(key));
      } catch (error) {
        onError(error);
      }
      return undefined;
    },
    async set(key, entry) {
      if (entry.data.byteLength > MAX_VALUE_BYTES) return;
      // Counted from the start, so that `close` waits for all of it.
      const work = write(key, entry).catch(onError);
      writing.add(work);
      await work;
      writing.delete(work);
    },
    async close() {
      await Promise.allSettled(writing);
    },
  };
}
