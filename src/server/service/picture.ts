/** Pictures as they come in and go out, and what is requested of them. */
import type { ImageHeader } from '../../core/codec/header.ts';
import type { EnlargedPicture } from '../../core/upscale/enlarge-encoded.ts';
import type { ServingModel } from '../models/model-registry.ts';
import type { ChoiceReason } from './choose-model.ts';

/**
 * A picture beyond the limits. `reject`: 413; `passthrough`: the host's own, marked as skipped;
 * `clamp`: the largest scale that fits, the host's own where none does.
 */
export type OnLimit = 'reject' | 'passthrough' | 'clamp';

/**
 * A picture that cannot be enlarged (busy, too late, an engine's failure, damaged). `passthrough`:
 * the host's own, marked and not stored.
 */
export type OnError = 'fail' | 'passthrough';

/**
 * Where a picture came from. `hit`: a cache; `joined`: equal work that was under way; `miss`: made
 * for this request.
 */
export type CacheStatus = 'hit' | 'joined' | 'miss';

export interface ServedPicture extends EnlargedPicture {
  readonly scale: number;
  readonly cache: CacheStatus;
  /** Milliseconds it waited for others; 0 for a hit. */
  readonly queueMs: number;
  /** The scale that was requested, where `onLimit: 'clamp'` gave a smaller one. */
  readonly requestedScale?: number;
}

/** A picture whose header was read, which happens once for each request. */
export interface SourcePicture {
  readonly bytes: Buffer;
  readonly header: ImageHeader;
  /** `bodyDigest(bytes)`, where it is known already. */
  readonly digest?: string;
}

export interface EnlargeRequest {
  /** What `modelFor` gave for the request. */
  readonly model: ServingModel;
  readonly signal: AbortSignal;
  /**
   * When the request came, on the plugin's clock in milliseconds: its deadline is `deadlineMs`
   * later. @default no deadline
   */
  readonly startedAt?: number;
  /** The host's name for these bytes, see `PictureService.peek`: remembered with the result. */
  readonly sourceName?: string;
  /** The models of which the picture's size has chosen `model`. @default it alone */
  readonly among?: readonly ServingModel[];
  /** Path and query the picture was requested by, for those who listen to enlargements. */
  readonly address?: string;
  /** Reduces the enlarged picture to this size in pixels, never enlarges it: part of every key. */
  readonly fit?: { readonly width: number; readonly height: number };
}

/** A quicker model that answers instead of the serving one. */
export interface FallbackModel {
  readonly model: ServingModel;
  readonly why: ChoiceReason;
  /** Models that are better, best first. */
  readonly better: readonly ServingModel[];
}

export interface PeekedPicture {
  readonly picture: ServedPicture;
  readonly fallback?: FallbackModel;
}
