/** The steps from encoded bytes to enlarged encoded bytes, as HTTP tells of them. */
import { type EncodeOptions, fittedSize } from '../../core/codec/encode-format.ts';
import { readHeader } from '../../core/codec/header.ts';
import { checkInputBytes, checkInputSize, checkOutputSize, type ImageLimits } from '../../core/codec/limits.ts';
import type { ServedModel } from '../../core/engine/served/served-types.ts';
import { DualscaleError } from '../../core/errors.ts';
import type { DegradationHint } from '../../core/upscale/degradation-hint.ts';
import { type ConsistencyOptions, enlargeEncoded } from '../../core/upscale/enlarge-encoded.ts';
import type { Upscaler } from '../../core/upscale/upscaler.ts';
import type { SkipReason } from '../http/classify-answer.ts';
import type { EnlargedPicture, PictureFacts, PictureSize } from './picture-upscaler.ts';

export interface EnlargeParts {
  readonly upscaler: Upscaler;
  readonly limits: ImageLimits;
  readonly encoding: EncodeOptions;
  /** @default {} */
  readonly consistency?: ConsistencyOptions | false;
  /** See `enlargeEncoded`. */
  readonly blind?: ServedModel | undefined;
  readonly hint?: DegradationHint | undefined;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/** Throws as `enlargeEncoded` does. */
export async function enlargePicture(
  bytes: Buffer,
  model: ServedModel,
  parts: EnlargeParts,
  signal?: AbortSignal,
): Promise<EnlargedPicture> {
  const enlarged = await enlargeEncoded(bytes, { ...parts, model, signal });
  const { decode, infer, encode } = enlarged.timings;
  // In this order they are told to clients.
  return { ...enlarged, timings: { decode, infer, encode } };
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
export async function checkPicture(
  bytes: Buffer,
  scale: number,
  limits: ImageLimits,
  fit?: PictureSize,
): Promise<PictureFacts> {
  checkInputBytes(bytes.length, limits);
  const header = await readHeader(bytes);
  checkInputSize(header, limits);
  const size = { width: header.width * scale, height: header.height * scale };
  checkOutputSize(header, scale, header.format, limits, fittedSize(size, fit));
  return { format: header.format, width: header.width, height: header.height };
}

/** Throws DS_BAD_IMAGE, DS_UNSUPPORTED_IMAGE. */
export async function inspectPicture(bytes: Buffer): Promise<PictureFacts> {
  const { format, width, height } = await readHeader(bytes);
  return { format, width, height };
}
