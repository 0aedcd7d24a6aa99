/**
 * Plan, tiles, pool, stitch: the tiles write straight into the shared result, so nothing is left to
 * put together.
 */

import { withoutOwnSoftness } from '../degradation/vector.ts';
import { checkEngineName } from '../engine/choose-runtime.ts';
import { createTilePool, type TilePool, type TilePoolOptions } from '../engine/pool/pool.ts';
import type { EngineName } from '../engine/runtime.ts';
import type { ServedModel } from '../engine/served/served-types.ts';
import type { SharedImage } from '../engine/tile/tile-task.ts';
import { badOption, DualscaleError } from '../errors.ts';
import type { ChannelCount, PixelImage, Samples } from '../pixels/image.ts';
import { estimateArea } from './estimate-area.ts';
import { chooseLayout } from './plan-tiles.ts';
import { createStripMemory, type StripMemory } from './strip-memory.ts';
import type { EnlargedRows, RowWindow, UpscaleRowsOptions, Upscaler } from './upscaler.ts';

export interface UpscalerOptions extends TilePoolOptions {
  /**
   * Most LR pixels a tile reads, at least 4096: bounds the memory of a worker (160 MB at the
   * default with 64 channels).
   * @default 131072; 32768 with the engine `tfjs`, which keeps every intermediate result until the
   *   tile is done
   */
  readonly maxTilePixels?: number;
  /**
   * Most LR pixels for a network that must see the whole picture. Above: DS_INPUT_TOO_LARGE.
   * @default 65536 (256 x 256); 16384 with `tfjs`
   */
  readonly maxWholePixels?: number;
  /**
   * Most pixels of a result, 3 bytes each. Above: DS_OUTPUT_TOO_LARGE. @default 67108864 (8192 x
   * 8192)
   */
  readonly maxOutputPixels?: number;
}

interface Limits {
  readonly maxTilePixels: number;
  readonly maxWholePixels: number;
  readonly maxOutputPixels: number;
}

const DEFAULT_LIMITS: Readonly<Record<EngineName, Limits>> = {
  onnx: { maxTilePixels: 2 ** 17, maxWholePixels: 2 ** 16, maxOutputPixels: 2 ** 26 },
  tfjs: { maxTilePixels: 2 ** 15, maxWholePixels: 2 ** 14, maxOutputPixels: 2 ** 26 },
};

function checkLimit(name: string, value: number, lowest: number): number {
  // 2^29: three times as many bytes still fit an ArrayBuffer everywhere.
  if (!Number.isInteger(value) || value < lowest || value > 2 ** 29)
    throw badOption(name, `an integer from ${lowest} to ${2 ** 29}`, value);
  return value;
}

function checkSizes({ width, height, channels, data, rows }: RowWindow, scale: number, limits: Limits): void {
  if (width < 1 || height < 1 || data.length !== width * height * channels) {
    throw new DualscaleError('DS_ENGINE', `expected ${width}x${height}x${channels} samples, got ${data.length}`);
  }
  const { maxOutputPixels } = limits;
  const outputPixels = width * rows * scale ** 2;
  if (outputPixels > maxOutputPixels) {
    throw new DualscaleError(
      'DS_OUTPUT_TOO_LARGE',
      `${outputPixels} pixels are more than \`maxOutputPixels\` (${maxOutputPixels})`,
      { publicDetail: `The limit is ${maxOutputPixels} pixels, the result would have ${outputPixels}.` },
    );
  }
}

/**
 * Most LR pixels of a tile of a picture that comes in strips. Its network's memory comes on top of
 * the strips', and a runtime that has grown for large tiles does not shrink again. Time per pixel
 * is no worse: more of it stays in the processor's caches.
 */
const MAX_STRIP_TILE_PIXELS = 2 ** 16;

function mostOf({ height, rows }: RowWindow): number {
  return rows < height ? MAX_STRIP_TILE_PIXELS : Number.POSITIVE_INFINITY;
}

/** Samples of the kind of `like`. */
function view(like: Samples, buffer: SharedArrayBuffer, length: number): Samples {
  return like.BYTES_PER_ELEMENT === 2 ? new Uint16Array(buffer, 0, length) : new Uint8Array(buffer, 0, length);
}

function share(data: Samples, memory: StripMemory = createStripMemory()): SharedArrayBuffer {
  const shared = memory.take(data.byteLength);
  view(data, shared, data.length).set(data);
  return shared;
}

/**
 * The degradation vector to enlarge by: the given one, else what the model makes of the picture
 * itself.
 */
async function vectorFor(
  pool: TilePool,
  model: ServedModel,
  source: SharedImage,
  given: Float32Array | undefined,
  signal: AbortSignal | undefined,
): Promise<Float32Array | undefined> {
  const { vectorWidth, id } = model;
  if (vectorWidth === undefined || given) {
    if (given && given.length !== vectorWidth)
      throw badOption('vector', `${vectorWidth ?? 'no'} numbers, as ${id} takes`, given.length);
    return given;
  }
  const result = new SharedArrayBuffer(vectorWidth * Float32Array.BYTES_PER_ELEMENT);
  const area = estimateArea(source);
  const tiles = [{ ...area, read: area }];
  await pool.run(
    { model, source, tiles, threads: pool.threadsPerWorker, destination: source, estimate: result },
    signal,
  );
  return withoutOwnSoftness(Float32Array.from(new Float32Array(result)), model.scale);
}

interface RowsOptions extends UpscaleRowsOptions {
  /** See `LayoutOptions`. */
  readonly isShared?: boolean;
}

async function upscaleRows(
  pool: TilePool,
  limits: Limits,
  window: RowWindow,
  model: ServedModel,
  { signal, checkShare = 0, vector, memory = createStripMemory(), isShared }: RowsOptions,
): Promise<EnlargedRows> {
  const { width, height, channels, data, top, rows } = window;
  const { scale, halo } = model;
  checkSizes(window, scale, limits);
  const { workers, idleWorkers, threadsPerWorker, maxThreads } = pool;
  const layout = chooseLayout({
    width,
    height,
    halo,
    workers,
    idleWorkers,
    threadsPerWorker,
    maxThreads,
    wanted: { top, rows },
    isShared: isShared || undefined,
    maxTilePixels: halo === undefined ? limits.maxWholePixels : Math.min(limits.maxTilePixels, mostOf(window)),
  });
  const format = { channels, depth: data.BYTES_PER_ELEMENT === 2 ? (16 as const) : (8 as const) };
  const source = { ...format, width, height, pixels: share(data, memory) };
  const length = width * rows * scale ** 2 * channels;
  const pixels = memory.take(length * data.BYTES_PER_ELEMENT);
  const size = { width: width * scale, height: rows * scale };
  const destination = { ...format, ...size, top: top * scale, pixels };
  const used = await vectorFor(pool, model, source, vector, signal);
  const job = { model, source, ...layout, destination, checkShare, vector: used };
  const difference = await pool.run(job, signal);
  memory.give(source.pixels);
  return { ...size, channels, data: view(data, pixels, length), difference };
}

async function upscale(
  pool: TilePool,
  limits: Limits,
  lrImage: PixelImage,
  model: ServedModel,
  options: UpscaleRowsOptions,
): Promise<PixelImage> {
  const { width, height, channels, data } = lrImage;
  if (channels !== 3) {
    throw new DualscaleError('DS_ENGINE', `expected an RGB image, got ${width}x${height}x${channels}`);
  }
  const rows = await upscaleRows(pool, limits, { width, height, channels, data, top: 0, rows: height }, model, options);
  return { width: rows.width, height: rows.height, channels, data: rows.data as Uint8Array };
}

/**
 * The result's `data` lies in shared memory, which sharp, hashes and typed arrays take like any
 * other. Throws DS_BAD_OPTION for a bad option or a provider that does not work here.
 */
export async function createUpscaler(options: UpscalerOptions = {}): Promise<Upscaler> {
  const { engine = 'onnx' } = options;
  checkEngineName('engine', engine);
  const defaults = DEFAULT_LIMITS[engine];
  const limits: Limits = {
    maxTilePixels: checkLimit('maxTilePixels', options.maxTilePixels ?? defaults.maxTilePixels, 4096),
    maxWholePixels: checkLimit('maxWholePixels', options.maxWholePixels ?? defaults.maxWholePixels, 1),
    maxOutputPixels: checkLimit('maxOutputPixels', options.maxOutputPixels ?? defaults.maxOutputPixels, 1),
  };
  const pool = await createTilePool(options);
  const memory = createStripMemory();
  let begun = 0;
  return {
    memory,
    begin() {
      begun += 1;
      let isOver = false;
      return () => {
        if (!isOver) begun -= 1;
        isOver = true;
      };
    },
    upscale: (lrImage, model, rowOptions = {}) => upscale(pool, limits, lrImage, model, rowOptions),
    async estimate(lrImage, model, { signal } = {}) {
      const { width, height, data } = lrImage;
      const channels = lrImage.channels as ChannelCount;
      const depth = data.BYTES_PER_ELEMENT === 2 ? (16 as const) : (8 as const);
      const pixels = share(data, memory);
      const vector = await vectorFor(pool, model, { width, height, channels, depth, pixels }, undefined, signal);
      memory.give(pixels);
      if (!vector) throw badOption('model', 'one that estimates how a picture was degraded', model.id);
      return vector;
    },
    upscaleRows: (window, model, rowOptions = {}) =>
      upscaleRows(pool, limits, window, model, { ...rowOptions, isShared: begun > 1 }),
    close: () => pool.close(),
  };
}
