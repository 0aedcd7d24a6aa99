import { channelPlane, lumaPlane, type Plane, requireSameSize } from './color.ts';
import type { PixelImage } from './image.ts';

export interface PsnrOptions {
  /** Pixels left out on every side; papers use the scale. @default 0 */
  readonly border?: number;
  /**
   * `y`: unrounded BT.601 luma, the papers' protocol. `rgb`: mean over the channels' squared
   * errors. @default 'y'
   */
  readonly space?: 'y' | 'rgb';
}

/**
 * Peak signal-to-noise ratio in dB with peak 255; `Infinity` for equal images. A set's PSNR is the
 * mean of its images'. Throws DS_BAD_DATA when the sizes differ, DS_BAD_OPTION when `border` leaves
 * nothing.
 */
export function psnrDb(srImage: PixelImage, hrImage: PixelImage, options: PsnrOptions = {}): number {
  const { border = 0, space = 'y' } = options;
  requireSameSize(srImage, hrImage);
  const planes: [Plane, Plane][] = [];
  if (space === 'y') {
    planes.push([lumaPlane(srImage, border), lumaPlane(hrImage, border)]);
  } else {
    for (let channel = 0; channel < hrImage.channels; channel++) {
      planes.push([channelPlane(srImage, channel, border), channelPlane(hrImage, channel, border)]);
    }
  }
  let squares = 0;
  let count = 0;
  for (const [sr, hr] of planes) {
    for (let i = 0; i < hr.data.length; i++) squares += (sr.data[i] - hr.data[i]) ** 2;
    count += hr.data.length;
  }
  return squares === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10((255 * 255 * count) / squares);
}
