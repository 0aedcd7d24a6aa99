import { describe, expect, test } from 'vitest';
import { learningRateAt } from '../../../src/trainer/train/run/schedule.ts';

const schedule = { steps: 1100, learningRate: 2e-3, warmupSteps: 100, finalLearningRate: 0 };

describe('learningRateAt', () => {
  test('rises in equal parts to the peak', () => {
    expect(learningRateAt(0, schedule)).toBeCloseTo(2e-5, 12);
    expect(learningRateAt(49, schedule)).toBeCloseTo(1e-3, 12);
    expect(learningRateAt(99, schedule)).toBeCloseTo(2e-3, 12);
    expect(learningRateAt(100, schedule)).toBeCloseTo(2e-3, 12);
  });

  test('falls by half a cosine', () => {
    // A quarter, half and three quarters of the way: the cosines of 45, 90 and 135 degrees.
    expect(learningRateAt(100 + 1000 / 4, schedule)).toBeCloseTo(1e-3 * (1 + Math.SQRT1_2), 12);
    expect(learningRateAt(600, schedule)).toBeCloseTo(1e-3, 12);
    expect(learningRateAt(850, schedule)).toBeCloseTo(1e-3 * (1 - Math.SQRT1_2), 12);
  });

  test('ends at the final rate and stays there', () => {
    const withFloor = { ...schedule, finalLearningRate: 1e-6 };
    expect(learningRateAt(1100, withFloor)).toBeCloseTo(1e-6, 15);
    expect(learningRateAt(5000, withFloor)).toBeCloseTo(1e-6, 15);
  });

  test('of a run shorter than its warm-up never exceeds the peak', () => {
    const rates = Array.from({ length: 10 }, (_, step) => learningRateAt(step, { ...schedule, steps: 10 }));
    expect(Math.max(...rates)).toBeCloseTo(2e-3, 12);
    expect(rates[0]).toBeCloseTo(2e-4, 12);
  });
});
