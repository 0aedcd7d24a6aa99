import type { TrainRecipe } from '../train/train-model.ts';

/**
 * The released trainer's settings (Guo et al., CVPR 2020, and its code): Adam at 1e-4 down to 1e-7 by half a cosine over
 * 1e6 steps of 32 patches, 384 pixels of HR, dual weight 0.1. Meant for a GPU: on a CPU a step takes a minute.
 */
export function drnRecipe(scale: 2 | 4 | 8): Omit<TrainRecipe, 'spec'> {
  return {
    dualWeight: 0.1,
    schedule: { steps: 1_000_000, learningRate: 1e-4, warmupSteps: 0, finalLearningRate: 1e-7 },
    seed: 1,
    batchSize: 32,
    lrPatchSize: 384 / scale,
    checkpointEvery: 1000,
    validateEvery: 1000,
  };
}
