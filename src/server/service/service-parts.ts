/** What the picture service is made of, and what it reports. */

import type { DegradationHint } from '../../core/upscale/degradation-hint.ts';
import type { Admission } from './admission/admission.ts';
import type { Pace } from './admission/pace.ts';
import type { PictureCache } from './cache/cache.ts';
import type { EnlargedPicture, PictureFacts, PictureSize, PictureUpscaler, ServingModel } from './picture-upscaler.ts';

/** A model with what its cost and its stand-ins are. */
export interface ServiceModel extends ServingModel {
  readonly manifest: { readonly macs: { readonly perLrPixel: number } };
  /** What the request, or the server for it, says of the picture's degradation. */
  readonly hint?: DegradationHint;
  /** What `onLimit: 'clamp'` may take instead, the largest scale first. */
  readonly smaller: readonly this[];
}

/** The models as the service needs them; `createModelTable` gives such a table. */
export interface ServiceModels<Model> {
  readonly scales: readonly number[];
  readonly manifests: readonly { readonly id: string; readonly scale: number }[];
  serving(scale: number): Model | undefined;
  named(id: string): Model | undefined;
  /** Quicker models that may answer in the place of the one that serves `scale`, best first; they estimate nothing. */
  fallbackModels(scale: number, hint?: DegradationHint): readonly Model[];
  /** The model as it answers a hint: another key, the same id. Undefined where it would need a blind model and there is none. */
  withHint(model: Model, hint: DegradationHint): Model | undefined;
  /** The model as it answers who names neither a model nor a hint. */
  byDefault(model: Model): Model;
}

/** What the service reports about each enlargement it tried; `src/server/metrics` implements it. */
export interface ServiceMeter {
  stage(stage: 'queue' | 'decode' | 'infer' | 'encode', milliseconds: number): void;
  pixels(direction: 'in' | 'out', count: number): void;
  joined(): void;
}

/** One enlargement that was tried: what a rollback of a bad model is decided on. */
export interface Enlargement {
  readonly modelId: string;
  readonly scale: number;
  /** From the start of decoding to the end of encoding, without the queue. */
  readonly milliseconds: number;
  /** The error's code; undefined for a success. */
  readonly error?: string;
  readonly consistencyError?: number;
  readonly fallback?: EnlargedPicture['fallback'];
  /** Of the result; absent with an error. */
  readonly outputPixels?: number;
  /** The picture as it came, and what it was asked for by where HTTP asked. Not to be written into, nor kept longer than the call. */
  readonly input: { readonly bytes: Uint8Array; readonly address?: string };
}

export interface PictureServiceParts<Model extends ServiceModel> {
  readonly models: ServiceModels<Model>;
  readonly admission: Admission;
  readonly pace: Pace;
  readonly cache: PictureCache;
  readonly meter: ServiceMeter;
  readonly encoding: string;
  readonly deadlineMs: number;
  /** Milliseconds from a request to its picture that stand-ins help to keep; undefined: the serving model always answers. */
  readonly latencyObjectiveMs: number | undefined;
  /** Whether a smaller scale is taken where the asked one is too much. */
  readonly clamps: boolean;
  readonly skipReason: PictureUpscaler['skipReason'];
  readonly inspect: (bytes: Buffer) => Promise<PictureFacts>;
  /** Checks the limits on the header; `fit`: the size that is made of the result. Throws DS_BAD_IMAGE, DS_UNSUPPORTED_IMAGE, DS_INPUT_TOO_LARGE, DS_OUTPUT_TOO_LARGE. */
  readonly check: (bytes: Buffer, scale: number, fit?: PictureSize) => Promise<PictureFacts>;
  readonly enlarge: (bytes: Buffer, model: Model, signal: AbortSignal, fit?: PictureSize) => Promise<EnlargedPicture>;
  readonly onEnlargement: (enlargement: Enlargement) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}
