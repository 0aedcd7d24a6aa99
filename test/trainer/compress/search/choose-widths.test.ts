import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../../src/core/random.ts';
import { chooseWidths } from '../../../../src/trainer/compress/search/choose-widths.ts';

interface Found {
  value: number;
  cost: number;
}

/** All choices, one after another. */
function bruteForce(values: number[][], costs: number[][], accept: (cost: number) => boolean): Found {
  let best: Found = { value: Number.NEGATIVE_INFINITY, cost: Number.NaN };
  const walk = (width: number, value: number, cost: number): void => {
    if (width === values.length) {
      if (accept(cost) && value > best.value) best = { value, cost };
      return;
    }
    for (const i of values[width].keys()) walk(width + 1, value + values[width][i], cost + costs[width][i]);
  };
  walk(0, 0, 0);
  return best;
}

function randomCase(seed: number) {
  const random = createRandom(seed);
  const lengths = Array.from({ length: 6 }, () => 2 + Math.floor(random() * 4));
  const costs = lengths.map((length) => Array.from({ length }, (_, i) => (i === 0 ? 0 : i + random())));
  const values = lengths.map((length) => Array.from({ length }, (_, i) => Math.sqrt(i) + random()));
  return { values, costs };
}

describe('chooseWidths', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('finds what trying everything finds (%i)', (seed) => {
    const { values, costs } = randomCase(seed);
    const [fixed, limit] = [2, 11];
    const found = chooseWidths(values, { fixed, costs }, { limit });
    const sum = (numbers: number[][]) => found?.choice.reduce((total, at, width) => total + numbers[width][at], 0);
    expect(found?.value).toBeCloseTo(sum(values) as number, 9);
    expect(found?.cost).toBeCloseTo(fixed + (sum(costs) as number), 9);
    expect(found?.cost).toBeLessThanOrEqual(limit);
    // The best may cost as much as the limit; rounding costs up may lose it, never more than six steps of 8192.
    const tighter = bruteForce(values, costs, (cost) => cost <= (limit - fixed) * (1 - 6 / 8192)).value;
    expect(found?.value).toBeGreaterThanOrEqual(tighter - 1e-9);
    expect(found?.value).toBeLessThanOrEqual(bruteForce(values, costs, (cost) => cost <= limit - fixed).value + 1e-9);
  });

  test.each([11, 12, 13])('keeps to the floor where a choice lies above it (%i)', (seed) => {
    const { values, costs } = randomCase(seed);
    // All value lies in the cheapest choice, so only the floor makes it spend.
    const reversed = values.map((options) => options.map((_, i) => -i));
    const found = chooseWidths(reversed, { fixed: 0, costs }, { limit: 10, floor: 9 });
    expect(found?.cost).toBeGreaterThanOrEqual(9);
    expect(found?.cost).toBeLessThanOrEqual(10);
    const best = bruteForce(reversed, costs, (cost) => cost >= 9 + 0.02 && cost <= 10 - 0.02);
    expect(found?.value).toBeGreaterThanOrEqual(best.value - 1e-9);
  });

  test('gives a cheaper choice where none lies above the floor, and none where all cost too much', () => {
    const costs = [
      [0, 5],
      [0, 5],
    ];
    expect(
      chooseWidths(
        [
          [0, 1],
          [0, 1],
        ],
        { fixed: 1, costs },
        { limit: 9, floor: 8 },
      )?.cost,
    ).toBe(6);
    expect(
      chooseWidths(
        [
          [0, 1],
          [0, 1],
        ],
        { fixed: 10, costs },
        { limit: 9 },
      ),
    ).toBeUndefined();
    expect(
      chooseWidths(
        [
          [0, 1],
          [0, 1],
        ],
        { fixed: 9, costs },
        { limit: 9 },
      )?.choice,
    ).toEqual([0, 0]);
  });

  test('chooses among the 64 widths of a DRN with eight candidates each', () => {
    const costs = Array.from({ length: 64 }, () => [0, 1, 2, 3, 4, 5, 6, 7]);
    const values = costs.map((options, width) => options.map((cost) => cost * (1 + (width % 2))));
    const found = chooseWidths(values, { fixed: 10, costs }, { limit: 10 + 32 * 7 * 1.02 });
    expect(found?.choice.filter((_, width) => width % 2 === 1)).toEqual(new Array(32).fill(7));
  });
});
