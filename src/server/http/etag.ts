/** Validators of enlarged pictures: made from what they depend on, so a match is answered before a pixel is decoded. */
import { createHash } from 'node:crypto';
import { PICTURE_FORMAT } from '../../core/upscale/enlarge-encoded.ts';
import type { ServingModel } from '../models/model-registry.ts';
import type { UpscaleQuery } from './upscale-query.ts';

export interface EtagInputs {
  readonly query: Pick<UpscaleQuery, 'canonical'> & {
    /** A new model, and so another digest, gives new pixels. */
    readonly models: readonly Pick<ServingModel, 'scale' | 'digest'>[];
  };
  /** The host's own ETag, or a digest of its bytes where it has none. */
  readonly source: string;
  /** The host's media type: one URL may give several by negotiation. */
  readonly mediaType: string;
  /** Settings of the encoder and policies; others give other bytes. */
  readonly encoding: string;
}

/**
 * Weak on purpose: two machines with different float units, or two libvips builds behind one cache, make equal pictures
 * that differ in some bytes.
 *
 * @param fallbackModel makes the picture in the place of the model of its scale.
 */
export function etagOf(
  { query, source, mediaType, encoding }: EtagInputs,
  fallbackModel?: Pick<ServingModel, 'scale' | 'digest'>,
  format = PICTURE_FORMAT,
): string {
  const makers = query.models.map((model) => (model.scale === fallbackModel?.scale ? fallbackModel : model));
  const digests = makers.map(({ digest }) => digest).join();
  const text = JSON.stringify([format, source, mediaType, query.canonical, digests, encoding]);
  return `W/"ds-${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
}

const opaque = (tag: string): string => tag.replace(/^W\//, '');

/** RFC 9110 13.1.2: the weak comparison, over a list or `*`. */
export function matchesIfNoneMatch(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  // Entity tags may hold commas between their quotes, so the list is not split at commas.
  const tags = ifNoneMatch.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((tag) => opaque(tag) === opaque(etag));
}
