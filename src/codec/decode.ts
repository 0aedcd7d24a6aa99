/** Encoded bytes to pixels the network can take. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import sharp from 'sharp';
import { DualscaleError } from '../errors.ts';
import type { PixelImage } from '../pixels/image.ts';
import { bleedColor } from './bleed-color.ts';
import { type ImageHeader, readHeader } from './header.ts';
import { checkInputBytes, checkInputSize, type ImageLimits, MOST_PIXELS, resolveLimits } from './limits.ts';

export interface DecodedImage {
  /**
   * 3 channels, 8 bits, the EXIF orientation applied. In the space of `header.icc` where there is one, else sRGB.
   * 16-bit samples lose their lower byte. Under transparent pixels the colour of visible neighbours.
   */
  readonly rgb: PixelImage;
  /** 1 channel, present exactly when the image has an alpha channel. */
  readonly alpha?: PixelImage;
  readonly header: ImageHeader;
}

/** The scans of a small hostile file can keep a decoder busy for minutes; the largest allowed image takes a few seconds. */
const DECODE_TIMEOUT_SECONDS = 30;

/** Pixels between two turns of the event loop: a few milliseconds. */
const PIXELS_PER_TURN = 2 ** 17;

/**
 * Throws DS_INPUT_TOO_LARGE from the header, before pixels are decoded; DS_UNSUPPORTED_IMAGE for other formats than PNG,
 * JPEG, WebP and AVIF and for animations; DS_BAD_IMAGE for damaged or truncated bytes.
 */
export async function decode(bytes: Buffer, limits: ImageLimits = {}): Promise<DecodedImage> {
  checkInputBytes(bytes.length, limits);
  const header = await readHeader(bytes);
  checkInputSize(header, limits);
  if (header.isAnimated) {
    throw new DualscaleError('DS_UNSUPPORTED_IMAGE', `expected a still image, got an animated ${header.format}`, {
      publicDetail: 'It is animated.',
    });
  }
  const { data, info } = await decodePixels(bytes, header, resolveLimits(limits).maxInputPixels);
  const size = { width: info.width, height: info.height };
  if (info.channels === 3) return { rgb: { ...size, channels: 3, data }, header };
  if (info.channels !== 4) {
    throw new DualscaleError('DS_BAD_IMAGE', `expected 3 or 4 channels after decoding, got ${info.channels}`);
  }
  const { rgb, alpha } = await splitAlpha({ ...size, channels: 4, data });
  return { rgb: await bleedColor(rgb, alpha), alpha, header };
}

/** RGB pixels of an image of any size, for training and measuring: no byte limit, alpha is dropped. Throws like `decode`. */
export async function decodeRgb(bytes: Buffer): Promise<PixelImage> {
  const { rgb } = await decode(bytes, { maxInputPixels: MOST_PIXELS, maxInputBytes: Number.MAX_SAFE_INTEGER });
  return rgb;
}

async function decodePixels(bytes: Buffer, header: ImageHeader, limitInputPixels: number) {
  try {
    const { data, info } = await sharp(bytes, {
      // Truncated and damaged data is refused; `warning`, sharp's default, would also refuse photos that every browser shows.
      failOn: 'error',
      limitInputPixels,
      limitInputChannels: 5,
      unlimited: false,
      sequentialRead: true,
      pages: 1,
      autoOrient: true,
      ignoreIcc: header.icc !== undefined,
    })
      .timeout({ seconds: DECODE_TIMEOUT_SECONDS })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), info };
  } catch (cause) {
    throw new DualscaleError('DS_BAD_IMAGE', `the ${header.format} could not be decoded: ${String(cause)}`, { cause });
  }
}

async function splitAlpha({
  width,
  height,
  data,
}: PixelImage): Promise<{ readonly rgb: PixelImage; readonly alpha: PixelImage }> {
  const count = width * height;
  const rgb = new Uint8Array(count * 3);
  const alpha = new Uint8Array(count);
  for (let start = 0; start < count; start += PIXELS_PER_TURN) {
    const end = Math.min(count, start + PIXELS_PER_TURN);
    for (let i = start; i < end; i++) {
      rgb[i * 3] = data[i * 4];
      rgb[i * 3 + 1] = data[i * 4 + 1];
      rgb[i * 3 + 2] = data[i * 4 + 2];
      alpha[i] = data[i * 4 + 3];
    }
    if (end < count) await nextTurn();
  }
  return { rgb: { width, height, channels: 3, data: rgb }, alpha: { width, height, channels: 1, data: alpha } };
}
