import { describe, expect, test } from 'vitest';
import { splitKernel, toFloat } from '../../../src/core/degradation/blur.ts';
import { degrade } from '../../../src/core/degradation/degrade.ts';
import { gaussianKernel } from '../../../src/core/degradation/kernel.ts';
import { patchMargin, reducePatch } from '../../../src/core/degradation/patch.ts';
import { encodeDegradation, VECTOR_WIDTH } from '../../../src/core/degradation/vector.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { imresize } from '../../../src/core/pixels/imresize.ts';
import { createRandom } from '../../../src/core/random.ts';
import { createBatchFiller } from '../../../src/trainer/train/data/batch-filler.ts';
import {
  checkDegradation,
  type DegradationRecipe,
  drawDegradation,
} from '../../../src/trainer/train/data/degradation-recipe.ts';
import { degradedMiddle } from '../../../src/trainer/train/data/degrade-patch.ts';

const RECIPE: DegradationRecipe = {
  sigma: [0.2, 4],
  anisotropicSigma: [0.6, 5],
  anisotropicShare: 0.4,
  clearShare: 0.2,
  disturbance: 0.25,
  noiseSigma: [5, 10],
  noiseShare: 0.3,
  jpegQuality: [30, 95],
  jpegShare: 0.3,
  givenShare: 0.5,
};
const only = (changes: Partial<DegradationRecipe>): DegradationRecipe => ({
  ...RECIPE,
  noiseShare: 0,
  jpegShare: 0,
  ...changes,
});

function photograph(width: number, height: number): PixelImage {
  const random = createRandom(8);
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    data[i] = 110 + 70 * Math.sin(x / 4 + (i % 3)) * Math.cos(y / 7) + 40 * random();
  }
  return { width, height, channels: 3, data };
}

const hrImage = photograph(200, 180);

describe('reducePatch', () => {
  test.each([
    [4, { sigmaX: 2.4, size: 21 }],
    [4, { sigmaX: 3, sigmaY: 1, angle: 0.7, size: 31 }],
    [2, { sigmaX: 1.1, size: 11 }],
    [3, { sigmaX: 1.6, sigmaY: 0.8, angle: 2, size: 15 }],
  ])('at x%d makes the patch of the whole picture that is blurred, then reduced', async (scale, shape) => {
    const size = 12;
    const [lrX, lrY] = [15, 14];
    const kernel = gaussianKernel(shape);
    const margin = patchMargin(kernel.size, scale);
    const side = size * scale + 2 * margin;
    const float = toFloat(hrImage);
    const data = new Float32Array(side * side * 3);
    for (let row = 0; row < side; row++) {
      const from = ((lrY * scale - margin + row) * hrImage.width + lrX * scale - margin) * 3;
      data.set(float.data.subarray(from, from + side * 3), row * side * 3);
    }
    const { terms } = splitKernel(kernel, 1e-6, kernel.size);
    const patch = reducePatch({ width: side, height: side, channels: 3, data }, terms, { scale, size });
    const whole = await degrade(hrImage, { blur: shape }, { scale, random: () => 0.5 });
    for (let i = 0; i < patch.data.length; i++) {
      const [x, y] = [lrX + (Math.floor(i / 3) % size), lrY + Math.floor(i / 3 / size)];
      expect(Math.abs(patch.data[i] - whole.data[(y * whole.width + x) * 3 + (i % 3)])).toBeLessThan(0.51);
    }
  });
});

describe('createBatchFiller', () => {
  const pyramids = [
    new Map([
      [1, imresize(hrImage, { scale: 0.25 })],
      [4, hrImage],
    ]),
  ];
  const options = { batchSize: 8, lrPatchSize: 16 };
  const buffers = () => ({
    images: new Map([
      [1, new Float32Array(8 * 16 * 16 * 3)],
      [4, new Float32Array(8 * 64 * 64 * 3)],
    ]),
    codes: new Float32Array(8 * VECTOR_WIDTH),
    codesGiven: new Float32Array(8),
    pairWeights: new Float32Array(8),
  });
  const fill = (degradation: DegradationRecipe, seed = 1) => {
    const filled = buffers();
    createBatchFiller({ train: pyramids }, { ...options, degradation }, filled)(createRandom(seed));
    return filled;
  };

  test('without any degradation gives the bicubic reduction of the HR patch, in every symmetry', () => {
    const { images, codes } = fill(only({ clearShare: 1, anisotropicShare: 0 }));
    expect(codes.every((value) => value === 0)).toBe(true);
    for (let i = 0; i < 8; i++) {
      const [lr, hr] = [16 * 16 * 3, 64 * 64 * 3].map((length, at) =>
        images.get(at ? 4 : 1)?.subarray(i * length, (i + 1) * length),
      );
      const bytes = Uint8Array.from(hr as Float32Array, (value) => Math.round(value * 255));
      const made = imresize(
        { width: 64, height: 64, channels: 3, data: bytes },
        { scale: 0.25 },
        { roundBetweenPasses: false },
      );
      // Inside, where the patch's own border does not matter.
      for (let y = 2; y < 14; y++)
        for (let x = 2; x < 14; x++) {
          const at = (y * 16 + x) * 3;
          expect(Math.abs((lr as Float32Array)[at] * 255 - made.data[at])).toBeLessThanOrEqual(1.01);
        }
    }
  });

  test('repeats itself with its seed, and not with another', () => {
    expect(fill(RECIPE)).toEqual(fill(RECIPE));
    expect(fill(RECIPE, 2).images.get(1)).not.toEqual(fill(RECIPE).images.get(1));
  });

  test('pictures without ground truth get no code and weigh nothing in the primal loss', () => {
    const filled = buffers();
    filled.codes.fill(9);
    filled.codesGiven.fill(9);
    const source = { train: pyramids, unpaired: { pyramids, share: 0.5 } };
    createBatchFiller(source, { ...options, degradation: RECIPE }, filled)(createRandom(1));
    expect([...filled.pairWeights]).toEqual([2, 2, 2, 2, 0, 0, 0, 0]);
    expect([...filled.codes.subarray(4 * VECTOR_WIDTH)].every((value) => value === 0)).toBe(true);
    expect([...filled.codesGiven.subarray(4)]).toEqual([0, 0, 0, 0]);
    expect(
      filled.images
        .get(4)
        ?.subarray(4 * 64 * 64 * 3)
        .every((value) => value === 0),
    ).toBe(true);
    expect(
      filled.images
        .get(1)
        ?.subarray(7 * 16 * 16 * 3)
        .some((value) => value > 0),
    ).toBe(true);
  });
});

describe('drawDegradation', () => {
  const many = Array.from({ length: 2000 }, (_, i) => drawDegradation(RECIPE, 4, createRandom(4, i)));
  const share = (count: number) => count / many.length;

  test('keeps to its shares and ranges', () => {
    const clear = many.filter(({ kernelSize }) => kernelSize === 1);
    expect(share(clear.length)).toBeCloseTo(0.2, 1);
    expect(share(many.filter(({ noiseSigma }) => noiseSigma > 0).length)).toBeCloseTo(0.3, 1);
    expect(share(many.filter(({ jpegQuality }) => jpegQuality !== undefined).length)).toBeCloseTo(0.3, 1);
    expect(share(many.filter(({ isCodeGiven }) => isCodeGiven).length)).toBeCloseTo(0.5, 1);
    for (const { noiseSigma, jpegQuality } of many) {
      if (noiseSigma > 0) expect(noiseSigma >= 5 && noiseSigma <= 10).toBe(true);
      if (jpegQuality !== undefined) expect(jpegQuality >= 30 && jpegQuality <= 95).toBe(true);
    }
  });

  test('tells the width of what it drew', () => {
    for (const { terms, code, kernelSize } of many
      .filter((drawn) => drawn.terms.length === 1 && drawn.kernelSize > 1)
      .slice(0, 50)) {
      const radius = (kernelSize - 1) / 2;
      const variance =
        terms[0].row.reduce((sum, value, i) => sum + value * (i - radius) ** 2, 0) /
        terms[0].row.reduce((a, b) => a + b, 0);
      // Sampled and cut off, a Gaussian is a little narrower than it is called.
      expect(Math.abs(Math.sqrt(variance) - 4 * code[0])).toBeLessThan(0.25);
    }
  });

  test.each([
    [{ sigma: [3, 1] }, 'degradation.sigma'],
    [{ noiseShare: 2 }, 'degradation.noiseShare'],
    [{ clearShare: 0.8 }, 'degradation.clearShare'],
    [{ jpegQuality: [0, 50] }, 'degradation.jpegQuality'],
  ] as const)('refuses %j', (changes, named) => {
    expect(() => checkDegradation({ ...RECIPE, ...changes } as DegradationRecipe)).toThrow(`\`${named}\``);
  });
});

test('a held-out photograph is always degraded alike, the next one in another way', () => {
  const place = { scale: 4, maxLrSide: 24 };
  const first = degradedMiddle(hrImage, RECIPE, { ...place, number: 1 });
  expect(degradedMiddle(hrImage, RECIPE, { ...place, number: 1 })).toEqual(first);
  expect(degradedMiddle(hrImage, RECIPE, { ...place, number: 2 }).lrImage).not.toEqual(first.lrImage);
  expect([first.lrImage.width, first.hrImage.width]).toEqual([24, 96]);
});

test('codes are those of what was drawn', () => {
  const drawn = drawDegradation(only({ anisotropicShare: 0, clearShare: 0, sigma: [2, 2] }), 4, createRandom(1));
  expect(drawn.code).toEqual(encodeDegradation({ blur: { sigmaX: 2, size: 13 }, noise: { sigma: 0 } }, 4));
});
