import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRgbFile } from '../../../src/core/codec/decode.ts';
import { compressJpeg } from '../../../src/core/codec/encode.ts';
import { blur, splitKernel, toFloat } from '../../../src/core/degradation/blur.ts';
import { degrade } from '../../../src/core/degradation/degrade.ts';
import { jpegRoundTrip } from '../../../src/core/degradation/jpeg.ts';
import { disturbKernel, gaussianKernel, motionKernel } from '../../../src/core/degradation/kernel.ts';
import { addGaussianNoise, addPoissonNoise } from '../../../src/core/degradation/noise.ts';
import { cropToMultiple } from '../../../src/core/pixels/crop.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { imresize } from '../../../src/core/pixels/imresize.ts';
import { psnrDb } from '../../../src/core/pixels/psnr.ts';
import { createRandom } from '../../../src/core/random.ts';

const half = () => 0.5;

function picture(width: number, height: number, value: (x: number, y: number, c: number) => number): PixelImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3);
    data[i] = value(pixel % width, Math.floor(pixel / width), i % 3);
  }
  return { width, height, channels: 3, data };
}

describe('blur', () => {
  const noisy = toFloat(picture(13, 9, (x, y, c) => (37 * x + 101 * y + 53 * c) % 256));
  const kernel = disturbKernel(gaussianKernel({ sigmaX: 2.5, sigmaY: 0.8, angle: 0.6, size: 7 }), 0.5, createRandom(2));

  /** Straight from the definition: sum of k(d) * image(p - d), mirrored without the edge sample. */
  function byDefinition(x: number, y: number, channel: number): number {
    const mirror = (p: number, size: number): number => (p < 0 ? -p : p >= size ? 2 * size - 2 - p : p);
    let sum = 0;
    for (let dy = -3; dy <= 3; dy++) {
      for (let dx = -3; dx <= 3; dx++) {
        const at = (mirror(y - dy, 9) * 13 + mirror(x - dx, 13)) * 3 + channel;
        sum += kernel.data[(dy + 3) * 7 + dx + 3] * noisy.data[at];
      }
    }
    return sum;
  }

  test('is a convolution with mirrored borders, also where the kernel does not split', () => {
    const { data } = blur(noisy, kernel);
    for (let i = 0; i < data.length; i++) {
      const pixel = Math.floor(i / 3);
      expect(data[i]).toBeCloseTo(byDefinition(pixel % 13, Math.floor(pixel / 13), i % 3), 2);
    }
  });

  test('an isotropic Gaussian is one row and one column', () => {
    expect(splitKernel(gaussianKernel({ sigmaX: 2, size: 21 }), 1e-7, 3).terms).toHaveLength(1);
  });
});

describe('no degradation moves the picture', () => {
  // On a slope every symmetric blur leaves the values, so an LR pixel shows where it lies: the slope's value at
  // scale * i + (scale - 1) / 2.
  const slope = picture(120, 96, (x, y, c) => (c === 0 ? 2 * x : c === 1 ? 2 * y : 0));
  const shaken = motionKernel({ size: 15, length: 9, angle: 0.7, wander: 2, random: createRandom(5) });
  const cases = [
    ...[2, 3, 4].flatMap((scale) => [
      ['bicubic', scale, undefined] as const,
      ['bicubic', scale, { sigmaX: 2, size: 15 }] as const,
      ['direct', scale, { sigmaX: 2, sigmaY: 1, angle: 0.4, size: 15 }] as const,
      ['direct', scale, shaken] as const,
    ]),
    ['direct', 3, undefined] as const,
  ];

  test.each(cases)('%s x%d, blur %j', async (subsample, scale, shape) => {
    const { data, width } = await degrade(slope, { subsample, blur: shape }, { scale, random: half });
    const [column, row] = [Math.floor(60 / scale), Math.floor(48 / scale)];
    const at = (row * width + column) * 3;
    expect(Math.abs(data[at] - 2 * (scale * column + (scale - 1) / 2))).toBeLessThanOrEqual(0.6);
    expect(Math.abs(data[at + 1] - 2 * (scale * row + (scale - 1) / 2))).toBeLessThanOrEqual(0.6);
  });

  test('direct x4 without a blur cannot keep to that, and says so', async () => {
    await expect(degrade(slope, { subsample: 'direct' }, { scale: 4, random: half })).rejects.toThrow('`subsample`');
  });
});

test('bicubic without anything else is imresize up to its rounding between the passes', async () => {
  const hrImage = picture(48, 40, (x, y, c) => (x * x + 3 * y * x + 40 * c) % 256);
  const made = await degrade(hrImage, {}, { scale: 4, random: half });
  const known = imresize(hrImage, { scale: 0.25 }, { roundBetweenPasses: false });
  expect(made.data).toEqual(known.data);
});

describe('noise', () => {
  const gray = { width: 200, height: 100, channels: 3, data: new Float32Array(60_000).fill(120) };
  const deviation = (data: Float32Array) => {
    const mean = data.reduce((total, value) => total + value, 0) / data.length;
    return [mean, Math.sqrt(data.reduce((total, value) => total + (value - mean) ** 2, 0) / data.length)];
  };

  test('Gaussian has the standard deviation it is given, in 0..255', () => {
    const [mean, sigma] = deviation(addGaussianNoise(gray, { sigma: 10 }, createRandom(1)).data);
    // Three standard errors of 60,000 numbers.
    expect(Math.abs(mean - 120)).toBeLessThan(0.13);
    expect(Math.abs(sigma - 10)).toBeLessThan(0.09);
  });

  test('gray noise is the same in all channels of a pixel and different beside it', () => {
    const { data } = addGaussianNoise(gray, { sigma: 10, isGray: true }, createRandom(1));
    expect(data[0]).toBe(data[2]);
    expect(data[3]).not.toBe(data[0]);
  });

  test.each([
    [20, 120],
    [2000, 120],
    [20, 0],
  ])('Poisson of %d photons at %d has the variance 255 v / photons', (photons, level) => {
    const flat = { ...gray, data: new Float32Array(60_000).fill(level) };
    const [mean, sigma] = deviation(addPoissonNoise(flat, { photons }, createRandom(1)).data);
    const expected = Math.sqrt((255 * level) / photons);
    expect(Math.abs(mean - level)).toBeLessThanOrEqual(0.015 * expected);
    expect(Math.abs(sigma - expected)).toBeLessThanOrEqual(0.02 * expected);
  });

  test('repeats with its seed', async () => {
    const hrImage = picture(16, 16, (x) => 10 * x);
    const make = (seed: number) =>
      degrade(hrImage, { noise: { sigma: 5 } }, { scale: 2, random: createRandom(seed) }).then(({ data }) => data);
    expect(await make(7)).toEqual(await make(7));
    expect(await make(8)).not.toEqual(await make(7));
  });
});

const data = process.env['DUALSCALE_DATA'] ?? '../shared/data';
const missing = !existsSync(join(data, 'test/Set5/HR'));
const why = missing ? ` (skipped: no Set5 under ${data}/test; DUALSCALE_DATA names the folder)` : '';

describe.skipIf(missing)(`on Set5${why}`, () => {
  test.each([10, 40, 90])('the computed JPEG of quality %d is libjpeg up to rounding', async (quality) => {
    const hrImage = await readRgbFile(join(data, 'test/Set5/HR/butterfly.png'));
    const real = await compressJpeg(hrImage, quality);
    const computed = jpegRoundTrip(hrImage, { quality });
    // Rounding to whole numbers alone is 59 dB; the loss that is simulated is 27 to 41 dB.
    expect(psnrDb(computed, real)).toBeGreaterThan(48);
    expect(Math.abs(psnrDb(computed, hrImage) - psnrDb(real, hrImage))).toBeLessThan(0.05);
  });

  test('a patch from inside a block grid is compressed as there', async () => {
    const hrImage = await readRgbFile(join(data, 'test/Set5/HR/butterfly.png'));
    const whole = jpegRoundTrip(hrImage, { quality: 30 });
    const cut = (image: PixelImage) =>
      picture(40, 40, (x, y, c) => image.data[((y + 21) * image.width + x + 37) * 3 + c]);
    const patch = jpegRoundTrip(cut(hrImage), { quality: 30, offsetX: 37 % 16, offsetY: 21 % 16 });
    const middle = (image: PixelImage) => picture(8, 8, (x, y, c) => image.data[((y + 16) * 40 + x + 16) * 3 + c]);
    expect(middle(patch).data).toEqual(middle(cut(whole)).data);
  });

  // The papers' tables give 27.30 / 25.12 / 23.40 for bicubic here, which their own degradation does not give: see docs/blind.md.
  // These are our figures, and that they are the same LR images is shown by networks in bench/blind-tables.ts.
  test('bicubic x4 under isotropic Gaussian blur', async () => {
    const files = await readdir(join(data, 'test/Set5/HR'));
    const found: number[] = [];
    for (const sigmaX of [0, 2.4]) {
      let total = 0;
      for (const file of files) {
        const hrImage = cropToMultiple(await readRgbFile(join(data, 'test/Set5/HR', file)), 4);
        const lrImage = await degrade(hrImage, { blur: { sigmaX, size: 21 } }, { scale: 4, random: half });
        const large = imresize(lrImage, { scale: 4 }, { roundBetweenPasses: false });
        total += psnrDb(large, hrImage, { border: 4 });
      }
      found.push(total / files.length);
    }
    expect(found[0]).toBeCloseTo(28.43, 2);
    expect(found[1]).toBeCloseTo(25.99, 2);
  });
});
