/** The seam between HTTP and the rest: models by scale, and encoded bytes in, enlarged encoded bytes out. */
import type { DegradationHint, DegradationNote } from '../../core/upscale/degradation-hint.ts';
import type { SkipReason } from '../http/classify-answer.ts';
import type { Choice, ChoiceReason } from './choose-model.ts';

/** Milliseconds each step took; of a cached picture, when it was made. */
export interface StageTimings {
  readonly decode: number;
  readonly infer: number;
  readonly encode: number;
}

export interface EnlargedPicture {
  readonly data: Uint8Array;
  /** The format of the source. */
  readonly format: 'jpeg' | 'png' | 'webp' | 'avif';
  /** Pixels of the result, after the orientation of the source is applied. */
  readonly width: number;
  readonly height: number;
  readonly modelId: string;
  readonly timings: StageTimings;
  /** How far the result, made small again by the dual network, is from the source: mean of absolute 8-bit levels. */
  readonly consistencyError?: number;
  /** Which kind of model was chosen by the picture's degradation and why, where there was a choice. */
  readonly degradation?: DegradationNote;
  /** What made the pixels where it was not the network: `consistency`, its error was above the threshold. */
  readonly fallback?: 'consistency';
}

/**
 * A picture beyond the limits. `reject`: 413; `passthrough`: the host's own, marked as skipped; `clamp`: the largest scale
 * that fits, the host's own where none does.
 */
export type OnLimit = 'reject' | 'passthrough' | 'clamp';

/** A picture that cannot be enlarged (busy, too late, an engine's failure, damaged). `passthrough`: the host's own, marked and not stored. */
export type OnError = 'fail' | 'passthrough';

/** Where a picture came from. `hit`: a cache; `joined`: equal work that was under way; `miss`: made for this request. */
export type CacheStatus = 'hit' | 'joined' | 'miss';

/** A picture as a request gets it. */
export interface ServedPicture extends EnlargedPicture {
  readonly scale: number;
  readonly cache: CacheStatus;
  /** Milliseconds it waited for others; 0 for a hit. */
  readonly queueMs: number;
  /** The scale that was asked for, where `onLimit: 'clamp'` gave a smaller one. */
  readonly requestedScale?: number;
  /** Set where a quicker model answered than the one that serves. */
  readonly fallbackModel?: FallbackModel;
}

export interface FallbackModel {
  readonly model: ServingModel;
  readonly why: ChoiceReason;
  /** Models that are better, best first. */
  readonly better: readonly ServingModel[];
}

/** One model as it serves now. Hold on to it for a whole request: validator and pixels then agree whatever is activated meanwhile. */
export interface ServingModel {
  readonly id: string;
  readonly scale: number;
  /** Changes whenever the pixels of an answer might: part of every validator and key. */
  readonly digest: string;
  /** Quicker models that may answer in its place so that `latencyObjectiveMs` holds, best first; each makes answers of its own. */
  readonly fallbackModels?: readonly ServingModel[];
}

export interface EnlargeRequest {
  readonly scale: number;
  /** What `modelFor` gave. @default the model that serves `scale` now */
  readonly model?: ServingModel;
  readonly signal: AbortSignal;
  /** When the request came, on the plugin's clock in milliseconds: its deadline is `deadlineMs` later. @default no deadline */
  readonly startedAt?: number;
  /** The host's name for these bytes, see `peek`: remembered with the result. */
  readonly source?: string;
  /** The models of which the picture's size has chosen `model`. @default it alone */
  readonly among?: readonly ServingModel[];
  /** Path and query the picture was asked for by: told to those who listen to enlargements. */
  readonly address?: string;
  /** `bodyDigest(bytes)`, where it is known already. */
  readonly digest?: string;
  /** Reduces the enlarged picture to this size in pixels, never enlarges it: part of every key. */
  readonly fit?: PictureSize;
}

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

export interface PictureFacts {
  readonly format: EnlargedPicture['format'];
  /** Pixels, after the orientation is applied. */
  readonly width: number;
  readonly height: number;
}

export interface PictureUpscaler {
  /** Scales that may be asked for, smallest first. */
  readonly scales: readonly number[];
  /** Ids that a request may name, of one scale or of all. */
  modelIds(scale?: number): readonly string[];
  /**
   * The model that serves `scale`, one of `scales`, or the one that is named. Throws DS_BAD_PARAMETER, naming what is allowed,
   * for a scale that nobody serves, a model that is not one of that scale, and a hint about degradations that it cannot meet.
   */
  modelFor(scale: number, modelId?: string, hint?: DegradationHint): ServingModel;
  /** Everything else the pixels depend on (encoder, limits, policies) as text: part of every validator. */
  readonly encoding: string;
  /** From the header alone: why this picture is left as it is. Undefined also when it cannot be read, which `enlarge` reports. */
  skipReason(bytes: Buffer): Promise<SkipReason | undefined>;
  /** Format and size from the header alone. Throws DS_BAD_IMAGE, DS_UNSUPPORTED_IMAGE. */
  inspect(bytes: Buffer): Promise<PictureFacts>;
  /**
   * The enlarged picture, if it lies in memory. `source` names the host's bytes and must hold everything they depend on: its
   * address, path and query, media type and ETag (which is unique for one URL only), and the size that is asked for. Costs no
   * digest and no place. Of several models, one of which the picture's size chooses, none may have stand-ins; that of a stand-in
   * only where no better one could be made in time. `startedAt` as in `EnlargeRequest`.
   */
  peek(source: string, models: readonly ServingModel[], startedAt: number): ServedPicture | undefined;
  /**
   * Which of `model` and its stand-ins `enlarge` is to be asked for: the best that is there already or will be in time, else the
   * quickest. Without stand-ins it is `model`.
   */
  choose(bytes: Buffer, request: EnlargeRequest & { readonly model: ServingModel }): Promise<Choice>;
  /** Takes a place for one host's picture in memory; throws DS_BUSY when all are taken, DS_CLOSING after `close`. Call the result when its bytes are gone. */
  reserve(): () => void;
  /** Whole seconds after which a refused client may find a free place, 1 to 60. */
  retryAfterSeconds(): number;
  /**
   * From a cache, from equal work under way, or made now. Throws DS_BAD_IMAGE, DS_UNSUPPORTED_IMAGE, DS_INPUT_TOO_LARGE,
   * DS_OUTPUT_TOO_LARGE, DS_ABORTED (the signal, or closing), DS_CLOSING (after `close`), DS_BUSY (it would not be ready before
   * the deadline), DS_DEADLINE (it was not), DS_ENGINE, DS_WORKER_CRASHED.
   */
  enlarge(bytes: Buffer, request: EnlargeRequest): Promise<ServedPicture>;
}

/** What the middleware reports as it works; `src/server/metrics` implements it. */
export interface RequestMeter {
  /** @param milliseconds from the request to the end of its answer. */
  request(outcome: RequestOutcome, milliseconds?: number): void;
  stage(stage: RequestStage, milliseconds: number): void;
  /** +1 when a request with the parameter comes in, -1 when it is answered. */
  inflight(change: 1 | -1): void;
  /** A picture that several models could have made, by the one that did; `why` is `active` or a `ChoiceReason`. */
  chosen(choice: { readonly modelId: string; readonly scale: number; readonly why: string }): void;
  /** A picture that goes out as the host made it. */
  skipped(reason: string): void;
  /** An error's code, as the client gets it. */
  error(code: string): void;
}

/** The others are reported below the seam, once for each picture that is made. */
export type RequestStage = 'host';

/**
 * `upscaled`; `cached`; `not-modified`: a 304; `head`: headers only; `skipped`: a picture left as it is; `passed`: not a
 * picture; `passthrough`: the host's own in place of an error; `rejected`: a 4xx of ours; `busy`: a 503; `failed`: another 5xx;
 * `aborted`: the client left.
 */
export type RequestOutcome =
  | 'upscaled'
  | 'cached'
  | 'not-modified'
  | 'head'
  | 'skipped'
  | 'passed'
  | 'passthrough'
  | 'rejected'
  | 'busy'
  | 'failed'
  | 'aborted';
