/** What the middleware needs from the rest: models by scale, and encoded bytes in, enlarged encoded bytes out. */
import type { SkipReason } from './classify-answer.ts';

/** Milliseconds each step took. */
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
}

export interface PictureUpscaler {
  /** Scales that may be asked for, smallest first. */
  readonly scales: readonly number[];
  /** The model that serves `scale`, one of `scales`. */
  modelFor(scale: number): { readonly id: string; readonly digest: string };
  /** The encoder settings as text: part of every validator. */
  readonly encoding: string;
  /** From the header alone: why this picture is left as it is. Undefined also when it cannot be read, which `enlarge` reports. */
  skipReason(bytes: Buffer): Promise<SkipReason | undefined>;
  /**
   * Throws DS_BAD_IMAGE, DS_UNSUPPORTED_IMAGE, DS_INPUT_TOO_LARGE, DS_OUTPUT_TOO_LARGE, DS_ABORTED, DS_ENGINE,
   * DS_WORKER_CRASHED.
   */
  enlarge(bytes: Buffer, options: { readonly scale: number; readonly signal: AbortSignal }): Promise<EnlargedPicture>;
}

/** What the middleware reports as it works; `src/metrics` implements it. */
export interface RequestMeter {
  request(outcome: RequestOutcome): void;
  stage(stage: RequestStage, milliseconds: number): void;
  pixels(direction: 'in' | 'out', count: number): void;
  /** +1 when a request with the parameter comes in, -1 when it is answered. */
  inflight(change: 1 | -1): void;
}

export type RequestStage = 'host' | 'queue' | 'decode' | 'infer' | 'encode';

/**
 * `upscaled`; `not-modified`: a 304; `head`: headers only; `skipped`: a picture left as it is; `passed`: not a picture;
 * `rejected`: a 4xx of ours; `busy`: a 503; `failed`: a 5xx; `aborted`: the client left.
 */
export type RequestOutcome =
  | 'upscaled'
  | 'not-modified'
  | 'head'
  | 'skipped'
  | 'passed'
  | 'rejected'
  | 'busy'
  | 'failed'
  | 'aborted';
