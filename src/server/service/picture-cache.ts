/** Enlarged pictures in the layers of the cache, and hosts' names for their sources. */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type EnlargedPicture, PICTURE_FORMAT } from '../../core/upscale/enlarge-encoded.ts';
import type { ServingModel } from '../models/model-registry.ts';
import type { LayeredCache } from './cache/cache.ts';
import type { CacheEntry } from './cache/entry.ts';

/**
 * What the cache holds: with `onLimit: 'clamp'` the scale may be smaller than the requested one.
 */
export interface CachedPicture extends EnlargedPicture {
  readonly scale: number;
}

/** Names a source by its bytes: hosts' ETags are unique for one URL only. */
export function bodyDigest(body: Uint8Array): string {
  return `sha256-${createHash('sha256').update(body).digest('base64url')}`;
}

export interface KeyInputs {
  /** `bodyDigest` of the source, and the size that the result is reduced to. */
  readonly source: string;
  readonly scale: number;
  readonly modelDigest: string;
  /** Settings of the encoder and whatever else has an influence. */
  readonly encoding: string;
}

/**
 * Replicas with equal models and settings agree on it, so they can share a store; a new model or
 * format never meets old entries.
 */
export function cacheKey({ source, scale, modelDigest, encoding }: KeyInputs, format = PICTURE_FORMAT): string {
  return createHash('sha256')
    .update(JSON.stringify([format, source, scale, modelDigest, encoding]))
    .digest('hex');
}

/** Characters of all names together: they come from strangers. */
const MAX_NAME_CHARACTERS = 8 * 2 ** 20;

/** Entries are ours and whole: the key says so. */
function toPicture(entry: CacheEntry | undefined): CachedPicture | undefined {
  return entry && { ...(entry.facts as unknown as Omit<CachedPicture, 'data'>), data: entry.data };
}

/** The models' digests are in the name: after a switch the old picture has no name any more. */
function nameOf(source: string, models: readonly ServingModel[]): string {
  return `${models.map(({ scale, digest }) => `${scale} ${digest}`).join()} ${source}`;
}

export class PictureCache {
  readonly #layers: LayeredCache;
  readonly #encoding: string;
  /** To `<scale> <key>`. */
  readonly #names = new LRUCache<string, string>({
    maxSize: MAX_NAME_CHARACTERS,
    maxEntrySize: 4096,
    sizeCalculation: (key, name) => key.length + name.length,
  });

  constructor(layers: LayeredCache, encoding: string) {
    this.#layers = layers;
    this.#encoding = encoding;
  }

  keyOf(source: string, { scale, digest }: ServingModel): string {
    return cacheKey({ source, scale, modelDigest: digest, encoding: this.#encoding });
  }

  /**
   * From memory, by the host's name for the source and the models one of which has made it; with
   * the scale that was requested.
   */
  named(
    source: string,
    models: readonly ServingModel[],
  ): { readonly picture: CachedPicture; readonly requestedScale: number } | undefined {
    const [scale, key] = this.#names.get(nameOf(source, models))?.split(' ') ?? [];
    const picture = key === undefined ? undefined : this.peek(key);
    return picture && { picture, requestedScale: Number(scale) };
  }

  /** @param model the one of `models` that was chosen. */
  remember(source: string, models: readonly ServingModel[], { scale }: ServingModel, key: string): void {
    this.#names.set(nameOf(source, models), `${scale} ${key}`);
  }

  /** From memory. */
  peek(key: string): CachedPicture | undefined {
    return toPicture(this.#layers.peek(key));
  }

  async get(key: string): Promise<CachedPicture | undefined> {
    return toPicture(await this.#layers.get(key));
  }

  /** Whether `get` would give one; brings it into memory and counts nothing. */
  has(key: string): Promise<boolean> {
    return this.#layers.has(key);
  }

  set(key: string, { data, ...facts }: CachedPicture): void {
    this.#layers.set(key, { facts, data });
  }
}
