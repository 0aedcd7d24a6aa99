/** Encoded bytes to the 8-bit RGB pixels of a whole picture. */

import { readFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DualscaleError } from '../errors.ts';
import type { PixelImage, Raster } from '../pixels/image.ts';
import { bleedColor } from './alpha.ts';
import type { ImageHeader } from './header.ts';
import { type ImageLimits, MAX_PIXELS } from './limits.ts';
import { openPicture } from './open-picture.ts';

export interface DecodedImage {
  /**
   * 3 channels, 8 bits, the EXIF orientation applied. In the space of `header.icc` where there is
   * one, else sRGB. 16-bit samples lose their lower byte. Under transparent pixels the colour of
   * visible neighbours.
   */
  readonly rgb: PixelImage;
  /** 1 channel, present exactly when the image has an alpha channel. */
  readonly alpha?: PixelImage;
  readonly header: ImageHeader;
}

/** Pixels between two turns of the event loop: a few milliseconds. */
const PIXELS_PER_TURN = 2 ** 17;

/** Throws as `openPicture` does. */
export async function decode(bytes: Buffer, limits: ImageLimits = {}): Promise<DecodedImage> {
  const picture = await openPicture(bytes, limits, Number.POSITIVE_INFINITY);
  const { width, height, channels, header } = picture;
  const data = await picture.read(0, height);
  const raster: Raster = { width, height, channels, data };
  await bleedColor(raster);
  if (channels === 3 && data instanceof Uint8Array) return { rgb: { width, height, channels, data }, header };
  const rgb = await pickChannels(raster, channels < 3 ? [0, 0, 0] : [0, 1, 2]);
  return header.hasAlpha ? { rgb, alpha: await pickChannels(raster, [channels - 1]), header } : { rgb, header };
}

/**
 * RGB pixels of an image of any size, for training and measuring: no byte limit, alpha is dropped.
 * Throws like `decode`.
 */
export async function decodeRgb(bytes: Buffer): Promise<PixelImage> {
  const { rgb } = await decode(bytes, { maxInputPixels: MAX_PIXELS, maxInputBytes: Number.MAX_SAFE_INTEGER });
  return rgb;
}

async function pickChannels({ width, height, channels, data }: Raster, picked: readonly number[]): Promise<PixelImage> {
  const count = width * height;
  const result = new Uint8Array(count * picked.length);
  const shift = data.BYTES_PER_ELEMENT === 2 ? 8 : 0;
  let to = 0;
  for (let start = 0; start < count; start += PIXELS_PER_TURN) {
    const end = Math.min(count, start + PIXELS_PER_TURN);
    for (let i = start; i < end; i++) {
      for (const channel of picked) result[to++] = data[i * channels + channel] >> shift;
    }
    if (end < count) await nextTurn();
  }
  return { width, height, channels: picked.length, data: result };
}

/** RGB pixels of an image file. Throws like `decodeRgb`, with the file's name in the message. */
export async function readRgbFile(path: string): Promise<PixelImage> {
  const bytes = await readFile(path);
  try {
    return await decodeRgb(bytes);
  } catch (cause) {
    if (!(cause instanceof DualscaleError)) throw cause;
    throw new DualscaleError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}
