/** Sensor noise, added to float samples in 0..255. The result is not clamped. */
import type { FloatImage } from './blur.ts';

/** Standard normal numbers from uniform ones (Box and Muller). */
function normalFrom(random: () => number): () => number {
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    // 1 - random() is never 0.
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

export interface GaussianNoise {
  /** Standard deviation on the scale 0..255. */
  readonly sigma: number;
  /** The same number for all channels of a pixel. @default false */
  readonly isGray?: boolean;
}

export function addGaussianNoise(
  image: FloatImage,
  { sigma, isGray = false }: GaussianNoise,
  random: () => number,
): FloatImage {
  if (sigma === 0) return image;
  const normal = normalFrom(random);
  const data = new Float32Array(image.data.length);
  let value = 0;
  for (let i = 0; i < data.length; i++) {
    if (!isGray || i % image.channels === 0) value = sigma * normal();
    data[i] = image.data[i] + value;
  }
  return { ...image, data };
}

/** Above this mean a normal number takes the Poisson number's place. */
const LARGE_MEAN = 50;

function poisson(mean: number, random: () => number, normal: () => number): number {
  if (mean > LARGE_MEAN) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
  // Knuth: multiply uniform numbers until the product falls below exp(-mean).
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count += 1;
  return count;
}

export interface PoissonNoise {
  /**
   * Photons that a white sample (255) stands for, from 1; the variance of a sample of value v is
   * `255 v / photons`.
   */
  readonly photons: number;
  /** @default false */
  readonly isGray?: boolean;
}

/**
 * Shot noise: each sample becomes a count of photons. With `isGray` the count is made on the
 * channels' mean.
 */
export function addPoissonNoise(
  image: FloatImage,
  { photons, isGray = false }: PoissonNoise,
  random: () => number,
): FloatImage {
  const normal = normalFrom(random);
  const { channels } = image;
  const shot = (value: number): number => {
    const level = Math.min(255, Math.max(0, value));
    return (poisson((level * photons) / 255, random, normal) * 255) / photons - level;
  };
  const data = Float32Array.from(image.data);
  for (let i = 0; i < data.length; i += channels) {
    const samples = image.data.subarray(i, i + channels);
    const common = isGray ? shot(samples.reduce((sum, value) => sum + value, 0) / channels) : 0;
    for (let channel = 0; channel < channels; channel++) data[i + channel] += isGray ? common : shot(samples[channel]);
  }
  return { ...image, data };
}
