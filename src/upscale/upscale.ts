/** Plan, tiles, pool, stitch: the tiles write straight into the shared result, so nothing is left to put together. */

import { checkEngineName } from '../engine/choose-runtime.ts';
import type { EngineName, ServedModel } from '../engine/engine.ts';
import { createTilePool, type TilePool, type TilePoolOptions } from '../engine/pool.ts';
import { badOption, DualscaleError } from '../errors.ts';
import type { PixelImage } from '../pixels/image.ts';
import { chooseLayout } from './choose-layout.ts';
import type { Upscaler } from './upscaler.ts';

export interface UpscalerOptions extends TilePoolOptions {
  /**
   * Most LR pixels a tile reads, at least 4096: bounds the memory of a worker (160 MB at the default with 64 channels).
   * @default 131072; 32768 with the engine `tfjs`, which keeps every intermediate result until the tile is done
   */
  readonly maxTilePixels?: number;
  /** Most LR pixels for a network that must see the whole picture. Above: DS_INPUT_TOO_LARGE. @default 65536 (256 x 256); 16384 with `tfjs` */
  readonly maxWholePixels?: number;
  /** Most pixels of a result, 3 bytes each. Above: DS_OUTPUT_TOO_LARGE. @default 67108864 (8192 x 8192) */
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

function checkSizes({ width, height, channels, data }: PixelImage, scale: number, { maxOutputPixels }: Limits): void {
  if (channels !== 3 || width < 1 || height < 1 || data.length !== width * height * 3) {
    throw new DualscaleError(
      'DS_ENGINE',
      `expected an RGB image, got ${width}x${height}x${channels} in ${data.length} bytes`,
    );
  }
  const outputPixels = width * height * scale ** 2;
  if (outputPixels > maxOutputPixels) {
    throw new DualscaleError(
      'DS_OUTPUT_TOO_LARGE',
      `${outputPixels} pixels are more than \`maxOutputPixels\` (${maxOutputPixels})`,
      {
        publicDetail: `It would have ${outputPixels} pixels, at most ${maxOutputPixels} are allowed.`,
      },
    );
  }
}

function share(data: Uint8Array): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(data.length);
  new Uint8Array(shared).set(data);
  return shared;
}

async function upscale(
  pool: TilePool,
  limits: Limits,
  lrImage: PixelImage,
  model: ServedModel,
  signal?: AbortSignal,
): Promise<PixelImage> {
  const { width, height } = lrImage;
  const { scale, halo } = model;
  checkSizes(lrImage, scale, limits);
  const { workers, idleWorkers, threadsPerWorker, maxThreads } = pool;
  const maxTilePixels = halo === undefined ? limits.maxWholePixels : limits.maxTilePixels;
  const { tiles, threads } = chooseLayout({
    width,
    height,
    halo,
    maxTilePixels,
    workers,
    idleWorkers,
    threadsPerWorker,
    maxThreads,
  });
  const source = { width, height, pixels: share(lrImage.data) };
  const pixels = new SharedArrayBuffer(lrImage.data.length * scale ** 2);
  const destination = { width: width * scale, height: height * scale, pixels };
  await pool.run({ model, source, tiles, threads, destination }, signal);
  return { width: destination.width, height: destination.height, channels: 3, data: new Uint8Array(pixels) };
}

/**
 * The result's `data` lies in shared memory, which sharp, hashes and typed arrays take like any other.
 * Throws DS_BAD_OPTION for a bad option or a provider that does not work here.
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
  return {
    upscale: (lrImage, model, { signal } = {}) => upscale(pool, limits, lrImage, model, signal),
    close: () => pool.close(),
  };
}
