import type { TrainRecipe } from '../train/train-model.ts';

/** Peak rate of networks that start from random weights: with Muon a third of the steps do what all do with Adam (dev/LOG.md). */
export const SCRATCH_RATE = 4e-3;

/** What the `edge` presets for bicubic reduction share. The dual weight is the paper's. */
export const EDGE_RECIPE: Omit<TrainRecipe, 'spec'> = {
  dualWeight: 0.1,
  optimizer: 'muon',
  schedule: { steps: 14_000, learningRate: SCRATCH_RATE, warmupSteps: 200 },
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
