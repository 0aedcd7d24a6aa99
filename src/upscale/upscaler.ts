/** Enlarges pictures that are already decoded. The implementation runs tiles on a pool of workers. */
import type { ServedModel } from '../engine/engine.ts';
import type { PixelImage } from '../pixels/image.ts';

export interface Upscaler {
  /**
   * `lrImage` RGB (3 channels) -> RGB image `model.scale` times larger. Never blocks the calling thread for long.
   * Throws DS_ABORTED when `signal` fires, DS_WORKER_CRASHED when a worker dies under it, DS_ENGINE when the network fails.
   */
  upscale(lrImage: PixelImage, model: ServedModel, options?: { readonly signal?: AbortSignal }): Promise<PixelImage>;
  close(): Promise<void>;
}
