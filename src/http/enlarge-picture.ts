/** The steps from encoded bytes to enlarged encoded bytes. */
import { decode } from '../codec/decode.ts';
import { type EncodeOptions, encode } from '../codec/encode.ts';
import { readHeader } from '../codec/header.ts';
import { checkInputBytes, checkInputSize, checkOutputSize, type ImageLimits } from '../codec/limits.ts';
import { resizeAlpha } from '../codec/resize-alpha.ts';
import type { ServedModel } from '../engine/engine.ts';
import { DualscaleError } from '../errors.ts';
import type { Upscaler } from '../upscale/upscaler.ts';
import type { SkipReason } from './classify-answer.ts';
import type { EnlargedPicture, PictureFacts } from './picture-upscaler.ts';

export interface EnlargeParts {
  readonly upscaler: Upscaler;
  readonly limits: ImageLimits;
  readonly encoding: EncodeOptions;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/**
 * Sizes are checked on the header, before pixels are decoded. Throws DS_BAD_IMAGE, DS_UNSUPPORTED_IMAGE (also for
 * animations), DS_INPUT_TOO_LARGE, DS_OUTPUT_TOO_LARGE, DS_ABORTED, DS_ENGINE, DS_WORKER_CRASHED.
 */
export async function enlargePicture(
  bytes: Buffer,
  model: ServedModel,
  { upscaler, limits, encoding, now }: EnlargeParts,
  signal?: AbortSignal,
): Promise<EnlargedPicture> {
  const start = now();
  checkInputBytes(bytes.length, limits);
  const header = await readHeader(bytes);
  checkInputSize(header, limits);
  checkOutputSize(header, model.scale, header.format, limits);
  const { rgb, alpha } = await decode(bytes, limits);
  throwIfAborted(signal);
  const decoded = now();
  const [enlarged, enlargedAlpha] = await Promise.all([
    upscaler.upscale(rgb, model, signal ? { signal } : {}),
    alpha && resizeAlpha(alpha, model.scale),
  ]);
  throwIfAborted(signal);
  const inferred = now();
  const data = await encode(enlarged, enlargedAlpha, header, encoding);
  const timings = { decode: decoded - start, infer: inferred - decoded, encode: now() - inferred };
  const { width, height } = enlarged;
  return { data, format: header.format, width, height, modelId: model.id, timings };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new DualscaleError('DS_ABORTED', 'nobody waits for this picture any more');
}

/** Why a picture is better left as it is. Undefined for a damaged one as well: enlarging it says what is wrong. */
export async function skipReason(bytes: Buffer): Promise<SkipReason | undefined> {
  try {
    return (await readHeader(bytes)).isAnimated ? 'animated' : undefined;
  } catch (error) {
    // The media type promised a picture we know, the bytes are another kind: a browser shows it, so it goes out as it is.
    const isForeign = error instanceof DualscaleError && error.code === 'DS_UNSUPPORTED_IMAGE';
    return isForeign ? 'format' : undefined;
  }
}

/** Whether the limits allow it, from the header alone. Throws what `enlargePicture` throws for it. */
export async function checkPicture(bytes: Buffer, scale: number, limits: ImageLimits): Promise<PictureFacts> {
  checkInputBytes(bytes.length, limits);
  const header = await readHeader(bytes);
  checkInputSize(header, limits);
  checkOutputSize(header, scale, header.format, limits);
  return { format: header.format, width: header.width, height: header.height };
}

/** Throws DS_BAD_IMAGE, DS_UNSUPPORTED_IMAGE. */
export async function inspectPicture(bytes: Buffer): Promise<PictureFacts> {
  const { format, width, height } = await readHeader(bytes);
  return { format, width, height };
}
