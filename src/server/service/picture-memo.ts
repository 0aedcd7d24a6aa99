/** Pictures as cache entries, and hosts' names for them. */
import { LRUCache } from 'lru-cache';
import { VERSION } from '../../core/version.ts';
import type { PictureCache } from './cache/cache.ts';
import { cacheKey } from './cache/cache-key.ts';
import type { CacheEntry } from './cache/entry.ts';
import type { EnlargedPicture, ServingModel } from './picture-upscaler.ts';

/** What the cache holds: the scale may be smaller than the one that was asked for. */
export interface MadePicture extends EnlargedPicture {
  readonly scale: number;
}

export interface NamedPicture {
  readonly picture: MadePicture;
  /** Of the model that was asked. */
  readonly requestedScale: number;
}

export interface PictureMemo {
  keyOf(sourceDigest: string, model: ServingModel): string;
  /** From memory, by the host's name for the source and the models of which one has made it. */
  named(source: string, models: readonly ServingModel[]): NamedPicture | undefined;
  /** From memory, by key. */
  peek(key: string): MadePicture | undefined;
  get(key: string): Promise<MadePicture | undefined>;
  /** Whether `get` would give one; brings it into memory and counts nothing. */
  has(key: string): Promise<boolean>;
  set(key: string, picture: MadePicture): void;
  /** @param model the one of `models` that was asked. */
  remember(source: string, models: readonly ServingModel[], model: ServingModel, key: string): void;
  close(): Promise<void>;
}

/** Characters of all names together: they come from strangers. */
const MAX_NAME_CHARACTERS = 8 * 2 ** 20;

function toEntry({ data, ...facts }: MadePicture): CacheEntry {
  return { facts, data };
}

/** Entries are ours, whole and of this version: the key says so. */
function toPicture({ facts, data }: CacheEntry): MadePicture {
  return { ...(facts as unknown as Omit<MadePicture, 'data'>), data };
}

export function createPictureMemo(cache: PictureCache, encoding: string): PictureMemo {
  // `<scale> <key>`
  const names = new LRUCache<string, string>({
    maxSize: MAX_NAME_CHARACTERS,
    maxEntrySize: 4096,
    sizeCalculation: (key, name) => key.length + name.length,
  });
  // The models' digests are in the name as well: after a switch the old picture has no name any more.
  const nameOf = (source: string, models: readonly ServingModel[]) =>
    `${models.map(({ scale, digest }) => `${scale} ${digest}`).join()} ${source}`;
  const peek = (key: string) => {
    const entry = cache.peek(key);
    return entry && toPicture(entry);
  };
  return {
    keyOf: (source, { scale, digest }) => cacheKey({ version: VERSION, source, scale, modelDigest: digest, encoding }),
    named: (source, models) => {
      const [scale, key] = names.get(nameOf(source, models))?.split(' ') ?? [];
      const picture = key === undefined ? undefined : peek(key);
      return picture && { picture, requestedScale: Number(scale) };
    },
    peek,
    get: async (key) => {
      const entry = await cache.get(key);
      return entry && toPicture(entry);
    },
    has: (key) => cache.has(key),
    set: (key, picture) => cache.set(key, toEntry(picture)),
    remember: (source, models, { scale }, key) => void names.set(nameOf(source, models), `${scale} ${key}`),
    close: () => cache.close(),
  };
}
