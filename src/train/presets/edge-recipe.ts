import type { TrainRecipe } from '../train-model.ts';

/**
 * What all `edge` presets share. The peak rate is twice the usual 1e-3: short schedules gain by it, and clipping keeps it
 * stable (docs/experiments.md has the runs). The dual weight is the paper's.
 */
export const EDGE_RECIPE: Omit<TrainRecipe, 'spec'> = {
  dualWeight: 0.1,
  schedule: { steps: 14_000, learningRate: 2e-3, warmupSteps: 200 },
  seed: 1,
  batchSize: 16,
  lrPatchSize: 32,
  checkpointEvery: 250,
  validateEvery: 500,
};

/** `blocks` residual blocks, all as wide inside as the trunk: nothing is pruned yet. */
export function uniformWidths(blocks: number, featureCount: number): number[] {
  return Array.from({ length: blocks }, () => featureCount);
}
