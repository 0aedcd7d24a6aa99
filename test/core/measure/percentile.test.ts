import { expect, test } from 'vitest';
import { percentile, percentileBin } from '../../../src/core/measure/percentile.ts';

test.each([
  { share: 0, expected: 1 },
  { share: 0.5, expected: 2.5 },
  { share: 0.95, expected: 3.85 },
  { share: 1, expected: 4 },
])('the percentile at a share of $share of 4, 1, 3, 2 is $expected', ({ share, expected }) => {
  expect(percentile([4, 1, 3, 2], 100 * share)).toBeCloseTo(expected, 9);
});

test('the percentile of nothing is not a number, and an empty histogram has no bin', () => {
  expect(percentile([], 50)).toBeNaN();
  expect(percentileBin(new Uint32Array(3), 50)).toBe(-1);
});

test('a histogram counts by the nearest rank', () => {
  const counts = Uint32Array.of(1, 2, 0, 1);
  expect([0, 25, 50, 75, 76, 100].map((percent) => percentileBin(counts, percent))).toEqual([0, 0, 1, 1, 3, 3]);
});
