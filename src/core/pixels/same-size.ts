import { DualscaleError } from '../errors.ts';
import type { PixelImage } from './image.ts';

/** Throws DS_BAD_DATA unless both images have the same size and channels: a metric of anything else means nothing. */
export function requireSameSize(srImage: PixelImage, hrImage: PixelImage): void {
  const shape = (image: PixelImage): string => `${image.width}x${image.height}x${image.channels}`;
  if (shape(srImage) !== shape(hrImage)) {
    throw new DualscaleError(
      'DS_BAD_DATA',
      `expected the images to be of one size, got ${shape(srImage)} and ${shape(hrImage)}`,
    );
  }
}
