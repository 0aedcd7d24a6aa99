import { describe, expect, test } from 'vitest';
import { learningRateAt, planStages, type StagedRecipe, stageRateAt } from '../../../src/trainer/train/run/schedule.ts';

const recipe: StagedRecipe = {
  schedule: { steps: 10 },
  batchSize: 16,
  lrPatchSize: 32,
  stages: [
    { fromShare: 0.5, batchSize: 8, lrPatchSize: 48 },
    { fromShare: 0.79, batchSize: 4, lrPatchSize: 64 },
  ],
};

describe('planStages', () => {
  test('puts the shares of the run in steps', () => {
    expect(planStages(recipe)).toEqual([
      { from: 0, until: 5, scheduleSteps: 10, batchSize: 16, lrPatchSize: 32 },
      { from: 5, until: 8, scheduleSteps: 10, batchSize: 8, lrPatchSize: 48 },
      { from: 8, until: 10, scheduleSteps: 10, batchSize: 4, lrPatchSize: 64 },
    ]);
  });

  test('is the whole run without stages', () => {
    const plain = { schedule: { steps: 7 }, batchSize: 2, lrPatchSize: 4 };
    expect(planStages(plain)).toEqual([{ from: 0, until: 7, scheduleSteps: 7, batchSize: 2, lrPatchSize: 4 }]);
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

describe('stageRateAt', () => {
  const schedule = { steps: 1000, learningRate: 1e-3, warmupSteps: 10 };
  const own = { fromShare: 0.8, batchSize: 4, lrPatchSize: 64, learns: 'estimator', learningRate: 5e-3 } as const;
  const [whole, last] = planStages({ ...recipe, schedule, stages: [own] });

  test("lays the run's own schedule over what comes before a last stage with a rate of its own", () => {
    for (const step of [0, 9, 400, 799]) {
      expect(stageRateAt(step, schedule, whole)).toBe(learningRateAt(step, { ...schedule, steps: 800 }));
    }
    expect(stageRateAt(799, schedule, whole)).toBeLessThan(1e-7 + 1e-8);
  });

  test('starts anew in a stage with a rate of its own, and ends it near nothing', () => {
    expect(stageRateAt(800, schedule, last)).toBeCloseTo(5e-3 / 20, 10);
    expect(stageRateAt(819, schedule, last)).toBeCloseTo(5e-3, 10);
    expect(stageRateAt(999, schedule, last)).toBeLessThan(1e-6);
  });

  test('is the schedule where no stage has a rate of its own', () => {
    for (const stage of planStages({ ...recipe, schedule })) {
      expect(stageRateAt(stage.from, schedule, stage)).toBe(learningRateAt(stage.from, schedule));
    }
  });
});
