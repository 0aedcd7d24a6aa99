/**
 * A picture through the network strip by strip: rows in, rows out, and what the dual network says
 * about them.
 */

import { ALPHA_MARGIN, BLEED_REACH, bleedColor, resizeAlpha } from '../codec/alpha.ts';
import type { OpenPicture } from '../codec/open-picture.ts';
import type { ServedModel } from '../engine/served/served-types.ts';
import { DualscaleError } from '../errors.ts';
import { hasAlpha, type Raster, type Samples } from '../pixels/image.ts';
import type { StripMemory } from './strip-memory.ts';
import type { EnlargedRows, Upscaler } from './upscaler.ts';

export interface EnlargeRowsOptions {
  readonly upscaler: Upscaler;
  readonly model: ServedModel;
  /** Takes enlarged rows from top to bottom, with the channels and the depth of the picture. */
  readonly write: (rows: Samples) => Promise<void>;
  /** Whether the dual network, where the model has one, checks the result. @default false */
  readonly isChecked?: boolean;
  readonly signal?: AbortSignal | undefined;
  /**
   * See `UpscaleRowsOptions.vector`. @default what a model that is conditioned makes of the
   * picture's middle
   */
  readonly vector?: Float32Array | undefined;
  /**
   * Most bytes of an enlarged strip; two are in memory at a time. @default 33554432 (32 MiB:
   * 3344x3344 RGB)
   */
  readonly maxStripBytes?: number;
}

const MAX_STRIP_BYTES = 32 * 2 ** 20;

/**
 * The most that checking may add to the network's time; above, only a part of the rows is checked.
 */
const MAX_CHECK_TIME = 0.02;
/**
 * A multiplication of the dual networks, which have few channels and large images, takes this many
 * times as long as one of the network: 30 % of the rows of 256x256 to x4 took 10.7 ms, a third of
 * it for bringing them into order, the network 240.
 */
const DUAL_SLOWNESS = 6.5;

function checkShareFor({ macsPerLrPixel, dualMacsPerLrPixel }: ServedModel): number {
  if (dualMacsPerLrPixel === undefined) return 0;
  return Math.min(1, (MAX_CHECK_TIME * macsPerLrPixel) / (DUAL_SLOWNESS * dualMacsPerLrPixel));
}

/** A strip with `margin` rows above and below it, where the picture has them. */
async function readAround(
  picture: OpenPicture,
  strip: Strip,
  margin: number,
): Promise<Raster & { readonly top: number }> {
  const { width, channels } = picture;
  const top = Math.max(0, strip.top - margin);
  const bottom = Math.min(picture.height, strip.top + strip.rows + margin);
  return { width, height: bottom - top, channels, data: await picture.read(top, bottom - top), top: strip.top - top };
}

function trim(window: Raster & { readonly top: number }, { rows }: Strip, halo: number) {
  const { width, channels, height, data } = window;
  const first = Math.max(0, window.top - halo);
  const end = Math.min(height, window.top + rows + halo);
  const rowLength = width * channels;
  const rowData = data.subarray(first * rowLength, end * rowLength);
  return { width, height: end - first, channels, data: rowData, top: window.top - first, rows };
}

/** What the strips of a picture share. */
interface Shared {
  readonly memory: StripMemory;
  /** See `UpscaleRowsOptions.vector`. */
  readonly vector?: Float32Array;
}

/** Enough to find a detailed part in; the middle is seldom all sky. */
const ESTIMATE_ROWS = 512;

/**
 * One estimate for the whole picture: strips with estimates of their own would show where they
 * meet.
 */
export async function estimateDegradation(
  picture: OpenPicture,
  { upscaler, model, signal }: Pick<EnlargeRowsOptions, 'upscaler' | 'model' | 'signal'>,
): Promise<Float32Array> {
  const rows = Math.min(picture.height, ESTIMATE_ROWS);
  const window = await readAround(picture, { top: (picture.height - rows) >> 1, rows }, 0);
  await bleedColor(window);
  return upscaler.estimate(window, model, signal ? { signal } : {});
}

async function enlargeStrip(
  picture: OpenPicture,
  strip: Strip,
  options: EnlargeRowsOptions,
  shared: Shared,
): Promise<EnlargedRows> {
  const { upscaler, model, isChecked = false, signal } = options;
  const halo = model.halo ?? picture.height;
  const isTransparent = hasAlpha(picture.channels);
  const margin = isTransparent ? Math.max(halo + BLEED_REACH, ALPHA_MARGIN) : halo;
  const window = await readAround(picture, strip, margin);
  await bleedColor(window);
  const checkShare = isChecked ? checkShareFor(model) : 0;
  const rowOptions = { ...shared, checkShare, signal };
  const rows = await upscaler.upscaleRows(trim(window, strip, halo), model, rowOptions);
  await resizeAlpha(window, { top: window.top, rows: strip.rows }, model.scale, rows);
  return rows;
}

export interface RowsWritten {
  /**
   * Mean of absolute differences (8-bit levels) between the picture and what the dual networks make
   * of the result; absent where nothing was checked.
   */
  readonly error?: number;
  /**
   * Of a picture in one piece, which its writer may hold on to: to be given back to the upscaler
   * when that has finished.
   */
  readonly whole?: SharedArrayBuffer;
}

/**
 * Resolves when all rows are written. Throws DS_ABORTED and what `upscaleRows`, `picture.read` and
 * `write` throw.
 */
export async function enlargeRows(picture: OpenPicture, options: EnlargeRowsOptions): Promise<RowsWritten> {
  const { model, write, signal, maxStripBytes = MAX_STRIP_BYTES } = options;
  const { width, height, channels, depth } = picture;
  const { scale, halo } = model;
  const strips = planStrips({ width, height, scale, halo, bytesPerPixel: (channels * depth) / 8, maxStripBytes });
  const vector =
    options.vector ?? (model.vectorWidth === undefined ? undefined : await estimateDegradation(picture, options));
  const { memory } = options.upscaler;
  const shared: Shared = vector ? { memory, vector } : { memory };
  const start = (strip: Strip | undefined): Promise<EnlargedRows> | undefined => {
    if (!strip) return undefined;
    const running = enlargeStrip(picture, strip, options, shared);
    // Whoever awaits it still gets its error; one that nobody awaits any more is not an unhandled
    // one.
    running.catch(() => {});
    return running;
  };
  let [sum, count] = [0, 0];
  let whole: SharedArrayBuffer | undefined;
  let next = start(strips[0]);
  for (let i = 0; next; i++) {
    if (signal?.aborted) throw new DualscaleError('DS_ABORTED', 'nobody waits for this picture any more');
    const current = next;
    // The workers have something to do while this strip is written.
    next = start(strips[i + 1]);
    const { data, difference } = await current;
    sum += difference.sum;
    count += difference.count;
    await write(data);
    if (strips.length === 1) whole = data.buffer as SharedArrayBuffer;
    else memory.give(data.buffer as SharedArrayBuffer);
  }
  return { error: count === 0 ? undefined : sum / count, whole };
}

/** Cuts a picture into strips of whole rows, so that a large result is never in memory at once. */

export interface Strip {
  /** LR row. */
  readonly top: number;
  readonly rows: number;
}

export interface PlanStripsOptions {
  /** LR pixels. */
  readonly width: number;
  readonly height: number;
  readonly scale: number;
  /** See `Network.halo`: a network that must see the whole picture gets it in one strip. */
  readonly halo: number | undefined;
  readonly bytesPerPixel: number;
  /**
   * Most bytes of an enlarged strip, except that a strip has at least as many rows as it needs
   * around it.
   */
  readonly maxStripBytes: number;
}

/** From top to bottom, as equal as can be, covering every row once. */
export function planStrips(options: PlanStripsOptions): Strip[] {
  const { width, height, scale, halo, bytesPerPixel, maxStripBytes } = options;
  if (halo === undefined) return [{ top: 0, rows: height }];
  const mostRows = Math.max(1, 2 * halo, Math.floor(maxStripBytes / (width * scale ** 2 * bytesPerPixel)));
  const count = Math.ceil(height / mostRows);
  const tops = Array.from({ length: count + 1 }, (_, i) => Math.round((i * height) / count));
  return tops.slice(0, -1).map((top, i) => ({ top, rows: tops[i + 1] - top }));
}
