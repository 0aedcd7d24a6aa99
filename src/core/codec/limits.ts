/** How large an image may be, checked on numbers from the header before anything is allocated. */
import { badOption, DualscaleError } from '../errors.ts';
import type { ImageFormat } from './container.ts';

export interface ImageLimits {
  /** Pixels of the image that comes in, 1 to 268402689. @default 16777216 (4096x4096) */
  readonly maxInputPixels?: number;
  /**
   * Pixels of an enlarged image, 1 to 268402689; it is never in memory as a whole. @default
   * 134217728 (11585x11585)
   */
  readonly maxOutputPixels?: number;
  /**
   * Pixels of an enlarged WebP or AVIF, 1 to 268402689: their encoders hold the whole picture, and
   * take seconds for 10 megapixels.
   * @default 33554432 (5792x5792)
   */
  readonly maxWholeOutputPixels?: number;
  /** Bytes of the encoded image that comes in, from 1. @default 33554432 (32 MiB) */
  readonly maxInputBytes?: number;
}

export const DEFAULT_LIMITS: Required<ImageLimits> = {
  maxInputPixels: 2 ** 24,
  maxOutputPixels: 2 ** 27,
  maxWholeOutputPixels: 2 ** 25,
  maxInputBytes: 32 * 2 ** 20,
};

/** libvips' and sharp's own bound, 16383 squared. */
export const MAX_PIXELS = 16383 ** 2;

/**
 * Longest side the encoders take: VP8's 14 bits, libjpeg's 65500, libvips' for AVIF, libpng's
 * default.
 */
const MAX_SIDE: Readonly<Record<ImageFormat, number>> = { webp: 16383, jpeg: 65500, avif: 16384, png: 1_000_000 };

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Fills in the defaults. Throws DS_BAD_OPTION for a limit out of its range. */
export function resolveLimits(limits: ImageLimits = {}): Required<ImageLimits> {
  const resolved = {
    maxInputPixels: limits.maxInputPixels ?? DEFAULT_LIMITS.maxInputPixels,
    maxOutputPixels: limits.maxOutputPixels ?? DEFAULT_LIMITS.maxOutputPixels,
    maxWholeOutputPixels: limits.maxWholeOutputPixels ?? DEFAULT_LIMITS.maxWholeOutputPixels,
    maxInputBytes: limits.maxInputBytes ?? DEFAULT_LIMITS.maxInputBytes,
  };
  for (const name of ['maxInputPixels', 'maxOutputPixels', 'maxWholeOutputPixels'] as const) {
    const value = resolved[name];
    if (!Number.isInteger(value) || value < 1 || value > MAX_PIXELS) {
      throw badOption(name, `an integer from 1 to ${MAX_PIXELS}`, value);
    }
  }
  if (!Number.isInteger(resolved.maxInputBytes) || resolved.maxInputBytes < 1) {
    throw badOption('maxInputBytes', 'an integer from 1', resolved.maxInputBytes);
  }
  return resolved;
}

/** Throws DS_INPUT_TOO_LARGE. */
export function checkInputBytes(sizeBytes: number, limits: ImageLimits = {}): void {
  const { maxInputBytes } = resolveLimits(limits);
  if (sizeBytes <= maxInputBytes) return;
  throw new DualscaleError('DS_INPUT_TOO_LARGE', `expected at most ${maxInputBytes} bytes, got ${sizeBytes}`, {
    publicDetail: `The limit is ${maxInputBytes} bytes, the image has ${sizeBytes}.`,
  });
}

/** Throws DS_INPUT_TOO_LARGE. */
export function checkInputSize({ width, height }: Size, limits: ImageLimits = {}): void {
  const { maxInputPixels } = resolveLimits(limits);
  if (width * height <= maxInputPixels) return;
  throw new DualscaleError('DS_INPUT_TOO_LARGE', `expected at most ${maxInputPixels} pixels, got ${width}x${height}`, {
    publicDetail: `The limit is ${maxInputPixels} pixels, the image has ${width}x${height} = ${width * height}.`,
  });
}

function checkPixels({ width, height }: Size, most: number): void {
  if (width * height <= most) return;
  const size = `${width}x${height}`;
  throw new DualscaleError('DS_OUTPUT_TOO_LARGE', `expected at most ${most} output pixels, got ${size}`, {
    publicDetail: `The limit is ${most} pixels, the result would have ${size} = ${width * height}.`,
  });
}

/**
 * Whether `input` enlarged by `scale` can be held, and written as `format` at that size or, where
 * it is made smaller, at `fitted`. Throws DS_OUTPUT_TOO_LARGE with what is allowed.
 */
export function checkOutputSize(
  input: Size,
  scale: number,
  format: ImageFormat,
  limits: ImageLimits = {},
  fitted?: Size,
): void {
  const { maxOutputPixels, maxWholeOutputPixels } = resolveLimits(limits);
  const enlarged = { width: input.width * scale, height: input.height * scale };
  const written = fitted ?? enlarged;
  checkPixels(enlarged, maxOutputPixels);
  if (format === 'webp' || format === 'avif') checkPixels(written, Math.min(maxOutputPixels, maxWholeOutputPixels));
  if (Math.max(written.width, written.height) > MAX_SIDE[format]) {
    const size = `${written.width}x${written.height}`;
    throw new DualscaleError(
      'DS_OUTPUT_TOO_LARGE',
      `expected sides up to ${MAX_SIDE[format]} for ${format}, got ${size}`,
      {
        publicDetail: `The limit for a side of a ${format} is ${MAX_SIDE[format]} pixels, the result would be ${size}.`,
      },
    );
  }
}
