/**
 * Pictures as the web makes them: blurred, resized, noisy and compressed, and all of that once
 * more. The order and the ranges follow Real-ESRGAN (Wang et al. 2021; its released options), with
 * JPEG instead of a choice of codecs and without its sinc filter. Wild on purpose: what a network
 * makes of such pictures is to be looked at, not compared in PSNR.
 */
import { badOption } from '../errors.ts';
import { cropToMultiple } from '../pixels/crop.ts';
import type { PixelImage } from '../pixels/image.ts';
import { blur, type FloatImage, toFloat, toPixels } from './blur.ts';
import type { CompressJpeg } from './degrade.ts';
import { jpegRoundTrip } from './jpeg.ts';
import { type BlurKernel, gaussianKernel, motionKernel } from './kernel.ts';
import { addGaussianNoise, addPoissonNoise } from './noise.ts';
import { resizeFloat } from './subsample.ts';

interface Round {
  readonly blurShare: number;
  readonly sigma: readonly [number, number];
  /**
   * Share of the pictures that are enlarged and reduced, and how far; the others keep their size.
   */
  readonly enlargeShare: number;
  readonly reduceShare: number;
  readonly factor: readonly [number, number];
  readonly noise: readonly [number, number];
  readonly photons: readonly [number, number];
}

const ROUNDS: readonly Round[] = [
  {
    blurShare: 1,
    sigma: [0.2, 3],
    enlargeShare: 0.2,
    reduceShare: 0.7,
    factor: [0.15, 1.5],
    noise: [1, 30],
    photons: [85, 5000],
  },
  {
    blurShare: 0.8,
    sigma: [0.2, 1.5],
    enlargeShare: 0.3,
    reduceShare: 0.4,
    factor: [0.3, 1.2],
    noise: [1, 25],
    photons: [100, 5000],
  },
];
const JPEG: readonly [number, number] = [30, 95];
const GRAY_SHARE = 0.4;
const POISSON_SHARE = 0.5;
const MOTION_SHARE = 0.05;
const MIN_SIDE = 8;

type Random = () => number;

const between = ([low, high]: readonly [number, number], random: Random): number => low + (high - low) * random();

/**
 * Isotropic and anisotropic, plain, generalised and plateau-shaped, in Real-ESRGAN's shares; and
 * now and then a shaken camera.
 */
function drawKernel(sigma: readonly [number, number], random: Random): BlurKernel {
  const size = 7 + 2 * Math.floor(8 * random());
  if (random() < MOTION_SHARE) {
    return motionKernel({
      size,
      length: (0.3 + 0.6 * random()) * size,
      angle: 2 * Math.PI * random(),
      wander: 1,
      random,
    });
  }
  const kind = random();
  const sigmaX = between(sigma, random);
  const isAnisotropic = (kind >= 0.45 && kind < 0.7) || (kind >= 0.82 && kind < 0.85) || kind >= 0.97;
  const shape = isAnisotropic ? { sigmaX, sigmaY: between(sigma, random), angle: Math.PI * random() } : { sigmaX };
  if (kind < 0.7) return gaussianKernel({ ...shape, size });
  if (kind < 0.85) return gaussianKernel({ ...shape, size, beta: between([0.5, 4], random) });
  return gaussianKernel({ ...shape, size, beta: between([1, 2], random), isPlateau: true });
}

function resizeAtRandom(image: FloatImage, { enlargeShare, reduceShare, factor }: Round, random: Random): FloatImage {
  const kind = random();
  const scale =
    kind < enlargeShare
      ? between([1, factor[1]], random)
      : kind < enlargeShare + reduceShare
        ? between([factor[0], 1], random)
        : 1;
  const side = (length: number): number => Math.max(MIN_SIDE, Math.round(length * scale));
  return scale === 1 ? image : resizeFloat(image, side(image.width), side(image.height));
}

function addNoise(image: FloatImage, { noise, photons }: Round, random: Random): FloatImage {
  const isGray = random() < GRAY_SHARE;
  if (random() < POISSON_SHARE) return addPoissonNoise(image, { photons: between(photons, random), isGray }, random);
  return addGaussianNoise(image, { sigma: between(noise, random), isGray }, random);
}

export interface SecondOrderOptions {
  readonly scale: number;
  /** Uniform in [0, 1); the only source of chance. */
  readonly random: Random;
  /** @default the computed round trip of `degrade-jpeg` */
  readonly compressJpeg?: CompressJpeg;
}

/**
 * The small picture, `floor(side / scale)` pixels a side. Throws DS_BAD_OPTION for one below 8
 * pixels a side.
 */
export async function degradeTwice(
  hrImage: PixelImage,
  { scale, random, compressJpeg = (image, quality) => jpegRoundTrip(image, { quality }) }: SecondOrderOptions,
): Promise<PixelImage> {
  const whole = cropToMultiple(hrImage, scale);
  const [width, height] = [whole.width / scale, whole.height / scale];
  if (Math.min(width, height) < MIN_SIDE) {
    throw badOption('hrImage', `at least ${MIN_SIDE * scale} pixels a side`, `${hrImage.width}x${hrImage.height}`);
  }
  const compress = (image: FloatImage) => compressJpeg(toPixels(image), Math.round(between(JPEG, random)));
  let image = toFloat(whole);
  for (const [i, round] of ROUNDS.entries()) {
    if (random() < round.blurShare) image = blur(image, drawKernel(round.sigma, random));
    image = addNoise(resizeAtRandom(image, round, random), round, random);
    // The last round is compressed at its final size.
    if (i < ROUNDS.length - 1) image = toFloat(await compress(image));
  }
  return compress(resizeFloat(image, width, height));
}
