/** A plugin that serves pictures, as those see it who watch it and change its models: the jobs. */
import type { ModelManifest } from '../models/manifest.ts';
import type { EnlargedPicture } from './enlarge-encoded.ts';
import type { InspectionView } from './inspection-view.ts';

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
  /**
   * The picture as it came, and the path and query it was asked for by where HTTP asked. Not to be
   * written into, nor kept longer than the call.
   */
  readonly input: { readonly bytes: Uint8Array; readonly address?: string };
}

/** A request with the parameter that has ended. */
export interface EndedRequest {
  /** As in the metric of requests: `upscaled`, `cached`, `busy` ... */
  readonly outcome: string;
  /** From the request to its answer, with host and queue; absent where it was refused at once. */
  readonly milliseconds?: number;
}

export interface Serving {
  /** Scales a request may ask for, smallest first. */
  readonly scales: readonly number[];
  /** Every usable model of `modelsDir`, by id. */
  readonly models: readonly ModelManifest[];
  /**
   * The model that serves `scale` when no other is asked for; undefined for a scale that nobody
   * serves.
   */
  servedBy(scale: number): ModelManifest | undefined;
  /**
   * Lets another model of `modelsDir` serve `scale`: it is loaded, run once, and takes over between
   * two requests. Requests that began before end with the model they began with, and no picture of
   * the old model is found in the cache after it. Throws DS_MODEL_NOT_FOUND, DS_BAD_MODEL,
   * DS_ENGINE; the old model then serves on.
   */
  activate(scale: number, modelId: string): Promise<void>;
  /**
   * From now on only models that `accept` takes stand in for the serving ones under
   * `latencyObjectiveMs`. Jobs use it: what they made waits until it was activated, what was rolled
   * back is out. A model for which `accept` throws is not taken.
   */
  restrictFallbackModels(accept: (manifest: ModelManifest) => boolean): void;
  /**
   * Reads `modelsDir` again: new models can be asked for, serving models that were published anew
   * take over as by `activate`. One that cannot be loaded is named in a warning, and serves on as
   * it was.
   */
  reload(): Promise<void>;
  upscale(
    bytes: Uint8Array,
    options: { readonly model: string; readonly signal?: AbortSignal },
  ): Promise<{ readonly data: Uint8Array; readonly format: string }>;
  /**
   * How a picture was degraded, as the blind model of a scale sees it: blur with its kernel, noise,
   * JPEG quality, and how far the picture is from its enlargement made small again like that.
   * Undefined where there is no blind model. Throws DS_BAD_IMAGE, DS_UNSUPPORTED_IMAGE,
   * DS_INPUT_TOO_LARGE, DS_BUSY, DS_CLOSING, DS_ABORTED, DS_ENGINE.
   */
  inspect(
    bytes: Uint8Array,
    options?: { readonly scale?: number; readonly signal?: AbortSignal },
  ): Promise<InspectionView | undefined>;
  /**
   * Calls `listener` after each enlargement that was tried. What it throws is logged. Call the
   * result to stop.
   */
  onEnlargement(listener: (enlargement: Enlargement) => void): () => void;
  /**
   * Calls `listener` after each request with the parameter. What it throws is logged. Call the
   * result to stop.
   */
  onRequest(listener: (request: EndedRequest) => void): () => void;
}
