/** What jobs need of the plugin that serves; a `Dualscale` fits. */

import type { ModelManifest } from '../../core/models/manifest.ts';
import type { InspectionView } from '../../core/upscale/inspection-view.ts';

/** One enlargement that was tried. */
export interface ServedEnlargement {
  readonly modelId: string;
  readonly scale: number;
  /** Decoding, network, encoding; without the queue. */
  readonly milliseconds: number;
  /** The error's code; undefined for a success. */
  readonly error?: string;
  readonly outputPixels?: number;
  /** The picture as the host sent it, and the path and query it was asked for by. */
  readonly input?: { readonly bytes: Uint8Array; readonly address?: string };
}

/** A request with the parameter that has ended. */
export interface ServedRequest {
  /** As in the metric of requests: `upscaled`, `cached`, `busy`, ... */
  readonly outcome: string;
  /** From the request to its answer, with host and queue; absent where it was refused at once. */
  readonly milliseconds?: number;
}

export interface Serving {
  readonly scales: readonly number[];
  readonly models: readonly ModelManifest[];
  servedBy(scale: number): ModelManifest | undefined;
  /** Resolves when the model serves; a request that runs ends with the model it began with. */
  activate(scale: number, modelId: string): Promise<void>;
  /** Only models that `accept` takes answer in the place of others from now on. */
  restrictFallbackModels(accept: (manifest: ModelManifest) => boolean): void;
  /** Reads the models folder again. */
  reload(): Promise<void>;
  upscale(
    bytes: Uint8Array,
    options: { readonly model: string; readonly signal?: AbortSignal },
  ): Promise<{ readonly data: Uint8Array; readonly format: string }>;
  /** How a picture was degraded, as a blind model of this scale sees it; undefined where there is none. */
  inspect(
    bytes: Uint8Array,
    options: { readonly scale?: number; readonly signal?: AbortSignal },
  ): Promise<InspectionView | undefined>;
  onEnlargement(listener: (enlargement: ServedEnlargement) => void): () => void;
  onRequest(listener: (request: ServedRequest) => void): () => void;
}
