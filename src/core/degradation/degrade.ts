/** One known degradation of a picture, in the papers' order: blur, reduce, noise, JPEG. */
import { badOption } from '../errors.ts';
import { cropToMultiple } from '../pixels/crop.ts';
import type { PixelImage } from '../pixels/image.ts';
import { blur, toFloat, toPixels } from './blur.ts';
import { jpegRoundTrip } from './jpeg.ts';
import { type BlurKernel, type GaussianOptions, gaussianKernel } from './kernel.ts';
import { addGaussianNoise, addPoissonNoise, type GaussianNoise, type PoissonNoise } from './noise.ts';
import { bicubicSubsample, blurAndPick } from './subsample.ts';

export interface Degradation {
  /** On the HR picture. Absent: none. */
  readonly blur?: BlurKernel | GaussianOptions;
  /**
   * `bicubic`: MATLAB's, antialiased. `direct`: every `scale`-th pixel of the blurred picture, none
   * moved. @default 'bicubic'
   */
  readonly subsample?: 'bicubic' | 'direct';
  /** On the small picture. */
  readonly noise?: GaussianNoise;
  readonly shotNoise?: PoissonNoise;
  /** 1 to 100, after the noise. */
  readonly jpegQuality?: number;
}

/** A picture after JPEG compression: the codec's where there is one. */
export type CompressJpeg = (image: PixelImage, quality: number) => PixelImage | Promise<PixelImage>;

export interface DegradeOptions {
  readonly scale: number;
  /** Uniform in [0, 1); the only source of chance. */
  readonly random: () => number;
  /** @default the computed round trip of `degrade-jpeg` */
  readonly compressJpeg?: CompressJpeg;
}

const isKernel = (shape: BlurKernel | GaussianOptions): shape is BlurKernel => 'data' in shape;

function kernelOf(shape: BlurKernel | GaussianOptions | undefined, shift: number): BlurKernel | undefined {
  if (shape === undefined || isKernel(shape)) return shape;
  return gaussianKernel({ ...shape, shift });
}

/**
 * The small picture, 8 bits, `floor(side / scale)` pixels a side: HR is cut right and below to a
 * multiple of the scale. Throws DS_BAD_OPTION for values out of range.
 */
export async function degrade(
  hrImage: PixelImage,
  { blur: shape, subsample = 'bicubic', noise, shotNoise, jpegQuality }: Degradation,
  { scale, random, compressJpeg = (image, quality) => jpegRoundTrip(image, { quality }) }: DegradeOptions,
): Promise<PixelImage> {
  if (Math.min(hrImage.width, hrImage.height) < scale) {
    throw badOption('hrImage', `at least ${scale} pixels a side`, `${hrImage.width}x${hrImage.height}`);
  }
  const hr = toFloat(cropToMultiple(hrImage, scale));
  const isDirect = subsample === 'direct';
  // See blurAndPick: with an even scale the middle of a cell lies between two pixels.
  const kernel = kernelOf(shape, isDirect && scale % 2 === 0 ? -0.5 : 0);
  if (isDirect && !kernel && scale % 2 === 0) {
    throw badOption('subsample', 'used with a blur: without one, every pixel of an even scale is moved', 'direct');
  }
  let small = isDirect
    ? blurAndPick(hr, kernel ?? { size: 1, data: Float64Array.of(1) }, scale)
    : bicubicSubsample(kernel ? blur(hr, kernel) : hr, scale);
  if (shotNoise) small = addPoissonNoise(small, shotNoise, random);
  if (noise) small = addGaussianNoise(small, noise, random);
  const lrImage = toPixels(small);
  return jpegQuality === undefined ? lrImage : compressJpeg(lrImage, jpegQuality);
}
