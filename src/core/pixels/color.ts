/** BT.601 luma, the channel super-resolution papers measure on. */
import { badOption, DualscaleError } from '../errors.ts';
import type { PixelImage } from './image.ts';

/** One plane of real numbers, row by row. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Float64Array;
}

/**
 * Y of YCbCr in the studio range 16..235, not rounded: `16 + (65.481 R + 128.553 G + 24.966 B) /
 * 255` (MATLAB's `rgb2ycbcr` on doubles). A gray image counts as RGB with equal channels. `border`
 * pixels are left out on every side.
 */
export function lumaPlane(image: PixelImage, border = 0): Plane {
  const { channels } = image;
  if (channels !== 3 && channels !== 1) throw badOption('channels', '3 (RGB) or 1 (gray)', channels);
  return plane(image, border, (data, index) =>
    channels === 1
      ? 16 + (219 * data[index]) / 255
      : 16 + (65.481 * data[index] + 128.553 * data[index + 1] + 24.966 * data[index + 2]) / 255,
  );
}

/** One channel as it is, 0..255. */
export function channelPlane(image: PixelImage, channel: number, border = 0): Plane {
  return plane(image, border, (data, index) => data[index + channel]);
}

function plane(image: PixelImage, border: number, value: (data: Uint8Array, index: number) => number): Plane {
  const width = image.width - 2 * border;
  const height = image.height - 2 * border;
  if (!Number.isInteger(border) || border < 0 || width < 1 || height < 1) {
    throw badOption('border', `an integer that leaves something of ${image.width}x${image.height}`, border);
  }
  const data = new Float64Array(width * height);
  for (let y = 0; y < height; y++) {
    let index = ((y + border) * image.width + border) * image.channels;
    for (let x = 0; x < width; x++, index += image.channels) data[y * width + x] = value(image.data, index);
  }
  return { width, height, data };
}

/**
 * Throws DS_BAD_DATA unless both images have the same size and channels: a metric of anything else
 * means nothing.
 */
export function requireSameSize(srImage: PixelImage, hrImage: PixelImage): void {
  const shape = (image: PixelImage): string => `${image.width}x${image.height}x${image.channels}`;
  if (shape(srImage) !== shape(hrImage)) {
    throw new DualscaleError(
      'DS_BAD_DATA',
      `expected the images to be of one size, got ${shape(srImage)} and ${shape(hrImage)}`,
    );
  }
}
