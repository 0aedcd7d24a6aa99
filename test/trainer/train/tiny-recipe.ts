import type { TrainPreset } from '../../../src/trainer/presets/presets.ts';

/** A network of 852 weights, and steps of milliseconds. */
export const TINY: TrainPreset = {
  id: 'tiny-x2',
  description: 'for tests',
  recipe: {
    spec: { family: 'edge', scale: 2, featureCount: 4, innerWidths: [4] },
    dualWeight: 0.1,
    schedule: { steps: 80, learningRate: 5e-3, warmupSteps: 10 },
    seed: 1,
    batchSize: 4,
    lrPatchSize: 12,
    checkpointEvery: 30,
    validateEvery: 40,
  },
};
