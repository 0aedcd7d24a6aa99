/** What the presets of a family share. */
import { VECTOR_WIDTH } from '../../core/degradation/vector.ts';
import type { EdgeSpec, NetworkSpec } from '../../core/network/spec.ts';
import type { DegradationRecipe } from '../train/data/degradation-recipe.ts';
import type { TrainRecipe } from '../train/train-model.ts';

/** Peak rate from random weights: with Muon a third of the steps do what all do with Adam (dev/LOG.md). */
export const SCRATCH_RATE = 4e-3;

/** For bicubic reduction. The dual weight is the paper's. */
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

/**
 * The released trainer's settings (Guo et al., CVPR 2020, and its code): Adam at 1e-4 down to 1e-7 by
 * half a cosine over 1e6 steps of 32 patches, 384 pixels of HR, dual weight 0.1. Meant for a GPU: on
 * a CPU a step takes a minute.
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

/** Residual blocks that are all as wide inside as the trunk: nothing is pruned yet. */
export function edgeSpec(scale: EdgeSpec['scale'], blocks: number, featureCount: number): EdgeSpec {
  const innerWidths = Array.from({ length: blocks }, () => featureCount);
  return { family: 'edge', scale, featureCount, innerWidths };
}

/**
 * How pictures for such a network are degraded where no recipe says it: compression has none.
 * Undefined for networks without a degradation vector.
 */
export function degradationOf(spec: NetworkSpec): DegradationRecipe | undefined {
  return spec.family === 'edge' && spec.code ? blindDegradation(spec.scale) : undefined;
}

/** Widths are in LR pixels times the scale: at x4 those of IKC and DASR (0.2 to 4) and of DCLS (0.6 to 5). */
function blindDegradation(scale: number): DegradationRecipe {
  return {
    sigma: [0.05 * scale, scale],
    anisotropicSigma: [0.15 * scale, 1.25 * scale],
    anisotropicShare: 0.4,
    clearShare: 0.15,
    disturbance: 0.25,
    // Noise and compression cost the clean patches as well: how much is measured on those.
    noiseSigma: [1, 20],
    noiseShare: 0.25,
    jpegQuality: [30, 95],
    jpegShare: 0.35,
    givenShare: 0.3,
  };
}

/**
 * Larger patches towards the end: a blur shows over larger distances. The estimator learns last,
 * alone, from still larger ones: before that it also learns what helps the enlargement of small
 * patches, which is not quite the truth.
 */
export function blindRecipe(scale: 2 | 4): TrainRecipe {
  return {
    ...EDGE_RECIPE,
    // Muon is not measured for networks with a degradation vector.
    optimizer: 'adam',
    schedule: { steps: 14_000, learningRate: 1e-3, warmupSteps: 200 },
    stages: [
      { fromShare: 0.56, batchSize: 8, lrPatchSize: 48 },
      { fromShare: 0.8, batchSize: 16, lrPatchSize: 64, learns: 'estimator', learningRate: 2e-3 },
    ],
    // The trunk of edge-x4: 330 thousand parameters, of which 110 thousand are the estimator's.
    spec: { ...edgeSpec(scale, 10, 32), code: { width: VECTOR_WIDTH, hidden: 32, estimator: [16, 32, 64] } },
    degradation: blindDegradation(scale),
  };
}
