import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../../src/core/random.ts';
import type { CostModel } from '../../../../src/trainer/compress/budget.ts';
import { fitLatency } from '../../../../src/trainer/compress/latency/fit-latency.ts';

const CANDIDATES = [0, 4, 8, 12, 16, 32];
const BLOCKS = 10;

/** A block of these widths, as a machine with vectors of 16 takes for it (ms): steps, not lines. */
const BLOCK_MS = [0, 8.1, 9.9, 12.1, 15, 25.5];
const FIXED_MS = 41;
const FULL_MS = FIXED_MS + BLOCKS * 25.5;

/** The table is wrong as a whole and in its parts; a real network takes a little more when blocks are dropped. */
const table: CostModel = {
  unit: 'ms',
  fixed: FIXED_MS * 1.1,
  costs: Array.from({ length: BLOCKS }, (_, block) => BLOCK_MS.map((ms) => ms * (0.93 + 0.01 * block))),
};
const values = Array.from({ length: BLOCKS }, (_, block) =>
  CANDIDATES.map((width) => Math.sqrt(width / 32) * (1 + 0.05 * ((block * 7) % 10))),
);

const realMs = (choice: readonly number[]): number =>
  choice.reduce((sum, at) => sum + (at === 0 ? 0.4 : BLOCK_MS[at]), FIXED_MS);

describe('fitLatency', () => {
  const shares = [0.3, 0.4, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9];
  test.each(shares)('meets %f of the full time on a noisy staircase', async (share) => {
    const random = createRandom(5, share * 1000);
    const targetMs = share * FULL_MS;
    const result = await fitLatency({
      targetMs,
      model: table,
      values,
      measure: async (choice) => realMs(choice) * (1 + 0.02 * (random() - 0.5)),
    });
    expect(result?.fits).toBe(true);
    const real = realMs(result?.choice ?? []) / targetMs;
    expect(real).toBeGreaterThanOrEqual(0.9);
    expect(real).toBeLessThanOrEqual(1);
    expect(result?.attempts.length).toBeLessThanOrEqual(10);
  });

  test('takes the given choice when it fits and corrects it when it does not', async () => {
    const measure = async (choice: readonly number[]) => realMs(choice);
    const choice = new Array<number>(BLOCKS).fill(4);
    const fitting = await fitLatency({ targetMs: realMs(choice) / 0.95, model: table, values, choice, measure });
    expect(fitting?.choice).toEqual(choice);
    expect(fitting?.attempts).toHaveLength(1);
    const targetMs = realMs(choice) / 1.2;
    const corrected = await fitLatency({ targetMs, model: table, values, choice, measure });
    expect(corrected?.fits).toBe(true);
    expect(corrected?.attempts[0].choice).toEqual(choice);
  });

  test('spends the time where it is worth most', async () => {
    const result = await fitLatency({
      targetMs: 0.5 * FULL_MS,
      model: table,
      values: values.map((options, block) => options.map((value) => (block < 5 ? 10 * value : value))),
      measure: async (choice) => realMs(choice),
    });
    const spent = (from: number, to: number) => result?.choice.slice(from, to).reduce((a, b) => a + b) as number;
    expect(spent(0, 5)).toBeGreaterThan(spent(5, 10));
  });

  test('takes a network below the target before one above it that is nearer, and of those the slowest', async () => {
    const measured = [70, 88, 101, 80];
    const scripted = async () => measured.shift() as number;
    const result = await fitLatency({ targetMs: 100, model: table, values, maxAttempts: 4, measure: scripted });
    expect(result?.attempts).toHaveLength(4);
    expect(result).toMatchObject({ fits: false, measuredMs: 88 });
  });

  test('says when nothing fits', async () => {
    const measure = async (choice: readonly number[]) => realMs(choice);
    expect(await fitLatency({ targetMs: 20, model: table, values, measure })).toBeUndefined();
    const coarse = { unit: 'ms', fixed: 10, costs: [[0, 90]] } as const;
    const result = await fitLatency({ targetMs: 50, model: coarse, values: [[0, 1]], measure: async () => 10 });
    expect(result).toMatchObject({ fits: false, measuredMs: 10 });
  });
});
