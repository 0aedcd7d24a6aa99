import { describe, expect, test } from 'vitest';
import { planStages, type StagedRecipe } from '../../src/train/stages.ts';

const recipe: StagedRecipe = {
  ...{ schedule: { steps: 10 }, batchSize: 16, lrPatchSize: 32 },
  stages: [
    { fromShare: 0.5, batchSize: 8, lrPatchSize: 48 },
    { fromShare: 0.79, batchSize: 4, lrPatchSize: 64 },
  ],
};

describe('planStages', () => {
  test('puts the shares of the run in steps', () => {
    expect(planStages(recipe)).toEqual([
      { from: 0, until: 5, batchSize: 16, lrPatchSize: 32 },
      { from: 5, until: 8, batchSize: 8, lrPatchSize: 48 },
      { from: 8, until: 10, batchSize: 4, lrPatchSize: 64 },
    ]);
  });

  test('is the whole run without stages', () => {
    const plain = { schedule: { steps: 7 }, batchSize: 2, lrPatchSize: 4 };
    expect(planStages(plain)).toEqual([{ from: 0, until: 7, batchSize: 2, lrPatchSize: 4 }]);
  });

  test('leaves out what is shorter than a step, and covers every step once', () => {
    for (const steps of [1, 2, 3, 4]) {
      const plan = planStages({ ...recipe, schedule: { steps } });
      const covered = plan.flatMap(({ from, until }) => Array.from({ length: until - from }, (_, i) => from + i));
      expect(covered).toEqual(Array.from({ length: steps }, (_, i) => i));
    }
  });

  test.each([[0], [1], [Number.NaN], [0.5, 0.5], [0.5, 0.4]])('refuses shares %j', (...shares) => {
    const stages = shares.map((fromShare) => ({ fromShare, batchSize: 1, lrPatchSize: 8 }));
    expect(() => planStages({ ...recipe, stages })).toThrow(/expected `stages\[\d\].fromShare` to be above/);
  });
});
