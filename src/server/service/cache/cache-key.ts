/** The name of an enlarged picture: a digest of everything its bytes depend on. */
import { createHash } from 'node:crypto';

export interface KeyInputs {
  readonly version: string;
  /** Digest of the source's bytes: hosts' ETags are unique for one URL only. */
  readonly source: string;
  readonly scale: number;
  readonly modelDigest: string;
  /** Settings of the encoder and whatever else has an influence. */
  readonly encoding: string;
}

/** Replicas with equal models and settings agree on it, so they can share a store; a new model or version never meets old entries. */
export function cacheKey({ version, source, scale, modelDigest, encoding }: KeyInputs): string {
  return createHash('sha256')
    .update(JSON.stringify([version, source, scale, modelDigest, encoding]))
    .digest('hex');
}
