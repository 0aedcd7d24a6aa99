import { badOption } from '../errors.ts';
import type { PixelImage } from './image.ts';

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * A copy of one rectangle of the image. Throws DS_BAD_OPTION unless it lies inside and holds at
 * least one pixel.
 */
export function crop(image: PixelImage, { x, y, width, height }: Rectangle): PixelImage {
  const integers = [x, y, width, height].every(Number.isInteger);
  if (!integers || x < 0 || y < 0 || width < 1 || height < 1 || x + width > image.width || y + height > image.height) {
    throw badOption('rectangle', `inside ${image.width}x${image.height}`, `${width}x${height} at ${x},${y}`);
  }
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * image.width + x) * channels;
    data.set(image.data.subarray(start, start + width * channels), row * width * channels);
  }
  return { width, height, channels, data };
}

/**
 * Cuts right and bottom so that both sides are multiples of `scale`, as the benchmarks do before
 * making the LR image.
 */
export function cropToMultiple(image: PixelImage, scale: number): PixelImage {
  const width = image.width - (image.width % scale);
  const height = image.height - (image.height % scale);
  return width === image.width && height === image.height ? image : crop(image, { x: 0, y: 0, width, height });
}
