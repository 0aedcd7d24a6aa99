import { badOption } from '../errors.ts';
import { lumaPlane, type Plane, requireSameSize } from './color.ts';
import type { PixelImage } from './image.ts';

export interface SsimOptions {
  /** Pixels left out on every side; papers use the scale. @default 0 */
  readonly border?: number;
}

const WINDOW = 11;
const SIGMA = 1.5;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/**
 * Structural similarity on unrounded BT.601 luma, at most 1: 11x11 Gaussian window with sigma 1.5,
 * only where the window lies inside the image (Wang et al. 2004, the MATLAB reference without its
 * downsampling). Throws DS_BAD_DATA when the sizes differ, DS_BAD_OPTION when less than one window
 * is left.
 */
export function ssim(srImage: PixelImage, hrImage: PixelImage, options: SsimOptions = {}): number {
  const { border = 0 } = options;
  requireSameSize(srImage, hrImage);
  const sr = lumaPlane(srImage, border);
  const hr = lumaPlane(hrImage, border);
  if (hr.width < WINDOW || hr.height < WINDOW) {
    throw badOption(
      'border',
      `such that ${WINDOW}x${WINDOW} pixels of ${hrImage.width}x${hrImage.height} are left`,
      border,
    );
  }
  const meanSr = blur(sr);
  const meanHr = blur(hr);
  const srSquares = blur(product(sr, sr));
  const hrSquares = blur(product(hr, hr));
  const products = blur(product(sr, hr));
  let sum = 0;
  for (let i = 0; i < meanHr.length; i++) {
    const means = meanSr[i] * meanHr[i];
    const squares = meanSr[i] ** 2 + meanHr[i] ** 2;
    const covariance = products[i] - means;
    const variances = srSquares[i] + hrSquares[i] - squares;
    sum += ((2 * means + C1) * (2 * covariance + C2)) / ((squares + C1) * (variances + C2));
  }
  return sum / meanHr.length;
}

function gaussian(): Float64Array {
  const weights = Float64Array.from({ length: WINDOW }, (_, i) =>
    Math.exp(-((i - (WINDOW - 1) / 2) ** 2) / (2 * SIGMA ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function product(left: Plane, right: Plane): Plane {
  return { width: left.width, height: left.height, data: left.data.map((value, i) => value * right.data[i]) };
}

/** Gaussian mean at every position where the window fits: `(width - 10) * (height - 10)` values. */
function blur({ width, height, data }: Plane): Float64Array {
  const weights = gaussian();
  const outputWidth = width - WINDOW + 1;
  const outputHeight = height - WINDOW + 1;
  const rows = new Float64Array(outputWidth * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < outputWidth; x++) {
      let sum = 0;
      for (let i = 0; i < WINDOW; i++) sum += weights[i] * data[y * width + x + i];
      rows[y * outputWidth + x] = sum;
    }
  }
  const output = new Float64Array(outputWidth * outputHeight);
  for (let y = 0; y < outputHeight; y++) {
    for (let x = 0; x < outputWidth; x++) {
      let sum = 0;
      for (let i = 0; i < WINDOW; i++) sum += weights[i] * rows[(y + i) * outputWidth + x];
      output[y * outputWidth + x] = sum;
    }
  }
  return output;
}
