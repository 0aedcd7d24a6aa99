import { describe, expect, test } from 'vitest';
import type { SharedBudget } from '../../../../src/trainer/compress/budget.ts';
import { proposeChoices } from '../../../../src/trainer/compress/search/choose-widths.ts';
import { alphaStep, expectedCost, softmax } from '../../../../src/trainer/compress/search/relaxation.ts';

const model = {
  unit: 'ms' as const,
  fixed: 10,
  costs: [
    [0, 4, 8],
    [0, 5],
  ],
};
const shared = (limit: number): SharedBudget => ({ model, limit });
const alphas = [
  [0.1, 0.4, -0.3],
  [0.2, -0.1],
];
/** With respect to the probabilities. */
const lossGradient = [
  [0.5, 0.2, -0.6],
  [0.1, -0.4],
];

describe('alphaStep', () => {
  test('gives the gradient of finite differences of loss and priced cost', () => {
    const budget = shared(16);
    const price = 0.7;
    const objective = (values: readonly (readonly number[])[]): number => {
      const probabilities = values.map(softmax);
      const loss = probabilities.flatMap((p, width) => p.map((value, i) => value * lossGradient[width][i]));
      return loss.reduce((a, b) => a + b) + (price * expectedCost(budget, probabilities)) / (16 - 10);
    };
    const { gradient } = alphaStep(alphas.map(softmax), lossGradient, price, budget);
    for (const [width, options] of alphas.entries()) {
      for (const i of options.keys()) {
        const moved = (by: number) => objective(alphas.with(width, options.with(i, options[i] + by)));
        expect(gradient[width][i]).toBeCloseTo((moved(1e-4) - moved(-1e-4)) / 2e-4, 6);
      }
    }
  });

  test('makes the cost dearer above the limit and cheaper below', () => {
    const probabilities = alphas.map(softmax);
    const expected = expectedCost(shared(16), probabilities);
    const multiplier = (limit: number) => alphaStep(probabilities, lossGradient, 0.7, shared(limit)).multiplier;
    expect(multiplier(0.8 * expected)).toBeGreaterThan(0.7);
    expect(multiplier(1.2 * expected)).toBeLessThan(0.7);
  });

  test('follows the loss alone without a shared budget', () => {
    const step = alphaStep(alphas.map(softmax), lossGradient, 0.7);
    expect(step.expected).toBeUndefined();
    // Towards what lowers the loss most: the last candidate of both widths.
    for (const options of step.gradient) expect(options.indexOf(Math.min(...options))).toBe(options.length - 1);
  });

  test('keeps the expected cost around the limit', () => {
    const budget = shared(14);
    let values = alphas;
    let multiplier = 0;
    let sum = 0;
    for (let i = 0; i < 2000; i++) {
      const step = alphaStep(values.map(softmax), lossGradient, multiplier, budget);
      multiplier = step.multiplier;
      if (i >= 1000) sum += step.expected as number;
      values = values.map((options, width) => options.map((value, at) => value - 0.02 * step.gradient[width][at]));
    }
    // Loss and cost are linear here, so the choice between them goes to and fro.
    expect(Math.abs(sum / 1000 - 14)).toBeLessThan(1);
  });
});

describe('proposeChoices', () => {
  const candidates = [
    [0, 16, 32],
    [0, 16, 32],
  ];
  const costs = { unit: 'ms' as const, fixed: 0, costs: candidates };
  const learnt = {
    candidates,
    alphas: [
      [2, 0, 0],
      [0, 0, 2],
    ],
    values: [
      [0, 1, 2],
      [0, 1, 1.5],
    ],
  };

  test('names each choice once, all of them within the limit', () => {
    const proposals = proposeChoices(learnt, { model: costs, limit: 32 });
    const cost = (choice: readonly number[]) => choice.reduce((sum, at, width) => sum + candidates[width][at], 0);
    for (const { choice } of proposals) expect(cost(choice)).toBeLessThanOrEqual(32);
    expect(new Set(proposals.map(({ choice }) => choice.join())).size).toBe(proposals.length);
    expect(proposals[0]).toEqual({ reading: 'alphas', choice: [0, 2] });
    expect(proposals.map(({ choice }) => choice)).toContainEqual([1, 1]);
  });

  test('of a ratio are the most probable widths and the largest', () => {
    expect(proposeChoices(learnt)).toEqual([
      { reading: 'alphas', choice: [0, 2] },
      { reading: 'even', choice: [2, 2] },
    ]);
  });
});
