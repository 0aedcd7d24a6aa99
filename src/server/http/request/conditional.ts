/** Validators of enlarged pictures: made from what they depend on, so a match is answered before a pixel is decoded. */
import { createHash } from 'node:crypto';
import { VERSION } from '../../../core/version.ts';

export interface EtagInputs {
  /** The host's own ETag, or `undefined`: then `bodyDigest` stands for the source. */
  readonly source: string;
  /** The host's media type: one URL may give several by negotiation. */
  readonly mediaType: string;
  /** What was asked for, in its one spelling: scale, or size to reach. */
  readonly asked: string;
  /** `ServingModel.digest`, of each model that may serve: a new model gives new pixels. */
  readonly modelDigest: string;
  /** What the encoder was told; other settings give other bytes. */
  readonly encoding: string;
}

/** The stand-in for a host without validators: the bytes themselves. */
export function bodyDigest(body: Uint8Array): string {
  return `sha256-${createHash('sha256').update(body).digest('base64url')}`;
}

/**
 * Weak on purpose: two machines with different float units, or two libvips builds behind one cache, make equal pictures
 * that differ in some bytes.
 */
export function makeEtag(inputs: EtagInputs): string {
  const { source, mediaType, asked, modelDigest, encoding } = inputs;
  const text = JSON.stringify([VERSION, source, mediaType, asked, modelDigest, encoding]);
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
