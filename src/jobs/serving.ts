/** What jobs need of the plugin that serves; a `Dualscale` fits. */
import type { ModelManifest } from '../model-store/manifest.ts';

/** One enlarged picture, or the failure to make one. */
export interface ServedSample {
  readonly modelId: string;
  readonly scale: number;
  readonly failed: boolean;
  /** The network alone. */
  readonly inferMs: number;
  /** From the request to the answer. */
  readonly totalMs: number;
  readonly outputPixels: number;
}

export interface Serving {
  readonly scales: readonly number[];
  readonly models: readonly ModelManifest[];
  servedBy(scale: number): ModelManifest | undefined;
  /** Resolves when the model serves; a request that runs ends with the model it began with. */
  activate(scale: number, modelId: string): Promise<void>;
  /** Reads the models folder again. */
  reload(): Promise<void>;
  upscale(
    bytes: Uint8Array,
    options: { readonly model: string; readonly signal?: AbortSignal },
  ): Promise<{ readonly data: Uint8Array; readonly format: string }>;
}
