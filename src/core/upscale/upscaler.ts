/**
 * Enlarges pictures that are already decoded. The implementation runs tiles on a pool of workers.
 */
import type { ServedModel } from '../engine/served/served-types.ts';
import type { TileDifference } from '../engine/tile/tile-task.ts';
import type { PixelImage, Raster } from '../pixels/image.ts';
import type { StripMemory } from './strip-memory.ts';

/** Some rows of a picture and those around them that the network must see. */
export interface RowWindow extends Raster {
  /**
   * The first row that is wanted. Above it there are `halo` rows of the model, or all that the
   * picture has; below the last one too.
   */
  readonly top: number;
  /** Rows that are wanted. */
  readonly rows: number;
}

export interface EnlargedRows extends Raster {
  /**
   * What the dual network found. `count` is 0 where it was not asked, or where the model has none.
   */
  readonly difference: TileDifference;
}

export interface UpscaleRowsOptions {
  readonly signal?: AbortSignal;
  /** Share of every tile's rows that the dual network checks, 0 to 1. @default 0 */
  readonly checkShare?: number;
  /**
   * Where the result lies and the window is copied to, e.g. the upscaler's own `memory`. Give the
   * result's `data.buffer` back when it is used up. @default new memory
   */
  readonly memory?: StripMemory;
  /**
   * How the picture was degraded (`encodeDegradation` of degradation/vector.ts), for conditioned
   * models. Without it such a model goes by what it makes of the picture, or of this window of it:
   * whoever enlarges a picture in parts asks `estimate` first.
   */
  readonly vector?: Float32Array;
}

export interface Upscaler {
  /**
   * Where pictures lie meanwhile. Whoever has used up what `upscaleRows` made there gives it back.
   */
  readonly memory: StripMemory;
  /**
   * Says that a picture is worked on, from its decoding until the result is called, after its
   * encoding. While there are several none of them takes all threads, even when all workers happen
   * to be idle: the others will want one in a moment, and networks for another number of threads
   * take memory of their own.
   */
  begin(): () => void;
  /**
   * `lrImage` RGB (3 channels) -> RGB image `model.scale` times larger. Never blocks the calling
   * thread for long. Throws DS_ABORTED when `signal` fires, DS_WORKER_CRASHED when a worker dies
   * under it, DS_ENGINE when the network fails.
   */
  upscale(
    lrImage: PixelImage,
    model: ServedModel,
    options?: Pick<UpscaleRowsOptions, 'signal' | 'vector'>,
  ): Promise<PixelImage>;
  /**
   * The wanted rows, enlarged, with the channels and the depth of the window; gray comes out as the
   * luma of what the network makes of it. Alpha is not set: networks know nothing of it. Throws as
   * `upscale` does.
   */
  upscaleRows(window: RowWindow, model: ServedModel, options?: UpscaleRowsOptions): Promise<EnlargedRows>;
  /**
   * How a picture, or a part of it, was degraded, as `model` sees it. Looks at its most detailed
   * part of at most 128x128 pixels. Throws DS_BAD_OPTION for a model that cannot tell, and what
   * `upscale` throws.
   */
  estimate(
    lrImage: Raster | PixelImage,
    model: ServedModel,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Float32Array>;
  close(): Promise<void>;
}
