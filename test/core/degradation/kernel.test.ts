import { describe, expect, test } from 'vitest';
import {
  centreKernel,
  disturbKernel,
  gaussianKernel,
  kernelMoments,
  motionKernel,
  normaliseKernel,
} from '../../../src/core/degradation/kernel.ts';
import { createRandom } from '../../../src/core/random.ts';

const sum = (data: Float64Array) => data.reduce((total, value) => total + value, 0);

describe('gaussianKernel', () => {
  test('has the values of exp(-r^2 / 2 sigma^2), worked out by hand for sigma 1', () => {
    const { data } = gaussianKernel({ sigmaX: 1, size: 3 });
    // 1, e^-0.5 = 0.60653 at the sides, e^-1 = 0.36788 in the corners: 4.89764 in all.
    const [corner, side, middle] = [0.3678794, 0.6065307, 1].map((value) => value / 4.8976403);
    const expected = [corner, side, corner, side, middle, side, corner, side, corner];
    for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, 7);
  });

  test.each([0.8, 1.8, 3])('is as wide as it says at sigma %d', (sigma) => {
    const { varianceX, varianceY, covariance } = kernelMoments(gaussianKernel({ sigmaX: sigma, size: 31 }));
    expect(Math.sqrt(varianceX)).toBeCloseTo(sigma, 2);
    expect(Math.sqrt(varianceY)).toBeCloseTo(sigma, 2);
    expect(covariance).toBeCloseTo(0, 10);
  });

  test('turns counter-clockwise as one sees it: y runs downwards in the data', () => {
    const { varianceX, varianceY, covariance } = kernelMoments(
      gaussianKernel({ sigmaX: 4, sigmaY: 1, angle: Math.PI / 4, size: 41 }),
    );
    // R diag(16, 1) R' at 45 degrees: 8.5 on the diagonal and 7.5 beside it; with y downwards the sign turns.
    expect(varianceX).toBeCloseTo(8.5, 1);
    expect(varianceY).toBeCloseTo(8.5, 1);
    expect(covariance).toBeCloseTo(-7.5, 1);
  });

  test('sigma 0 is a point', () => {
    const { data } = gaussianKernel({ sigmaX: 0, size: 5 });
    expect(data[12]).toBeCloseTo(1, 12);
    expect(sum(data)).toBeCloseTo(1, 12);
  });

  test('beta below 1 has longer tails, a plateau is flatter in the middle', () => {
    const at = (options: object) => gaussianKernel({ sigmaX: 2, size: 25, ...options }).data;
    const middle = 12 * 25 + 12;
    const [plain, tailed, plateau] = [at({}), at({ beta: 0.5 }), at({ beta: 4, isPlateau: true })];
    expect(tailed[middle + 10] / tailed[middle]).toBeGreaterThan(100 * (plain[middle + 10] / plain[middle]));
    // 1 / (1 + (1/2)^8) at one pixel.
    expect(plateau[middle + 1] / plateau[middle]).toBeCloseTo(256 / 257, 6);
  });

  test.each([
    [{ sigmaX: -1, size: 5 }, '`sigmaX`'],
    [{ sigmaX: 1, size: 4 }, '`size`'],
    [{ sigmaX: 1, size: 5, beta: 0 }, '`beta`'],
  ])('refuses %j', (options, named) => {
    expect(() => gaussianKernel(options)).toThrow(named);
  });
});

describe('motionKernel', () => {
  test('a straight path has the spread of a line', () => {
    const { meanX, meanY, varianceX, varianceY } = kernelMoments(motionKernel({ size: 21, length: 12, angle: 0 }));
    expect(meanX).toBeCloseTo(0, 9);
    expect(meanY).toBeCloseTo(0, 9);
    // A uniform line has length^2 / 12, and the bilinear spread adds at most 1/4.
    expect(varianceX).toBeGreaterThan(11.8);
    expect(varianceX).toBeLessThan(12.3);
    expect(varianceY).toBeLessThan(1e-9);
  });

  test('a wandering path repeats with its seed', () => {
    const make = (seed: number) =>
      motionKernel({ size: 25, length: 18, angle: 1, wander: 2, random: createRandom(seed) }).data;
    expect(make(3)).toEqual(make(3));
    expect(make(4)).not.toEqual(make(3));
    expect(sum(make(3))).toBeCloseTo(1, 9);
  });
});

test('a disturbance stays between 1 and 1.25 times the values before normalising', () => {
  const kernel = gaussianKernel({ sigmaX: 2, size: 15 });
  const ratios = disturbKernel(kernel, 0.25, createRandom(1)).data.map((value, i) => value / kernel.data[i]);
  expect(Math.max(...ratios) / Math.min(...ratios)).toBeLessThan(1.25);
  expect(Math.max(...ratios) / Math.min(...ratios)).toBeGreaterThan(1.2);
});

describe('centreKernel', () => {
  const corner = normaliseKernel({ size: 5, data: Float64Array.from({ length: 25 }, (_, i) => (i === 0 ? 1 : 0)) });

  test.each([0, -0.5])('puts the centre of mass at %d', (offset) => {
    const { meanX, meanY } = kernelMoments(centreKernel(corner, offset));
    expect(meanX).toBeCloseTo(offset, 9);
    expect(meanY).toBeCloseTo(offset, 9);
  });

  test('leaves a kernel that is centred as it is', () => {
    const kernel = gaussianKernel({ sigmaX: 2, size: 15 });
    expect(centreKernel(kernel)).toBe(kernel);
  });
});

test('a kernel without light is refused', () => {
  expect(() => normaliseKernel({ size: 3, data: new Float64Array(9) })).toThrow('`kernel`');
});
