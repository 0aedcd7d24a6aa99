import { VECTOR_WIDTH } from '../../core/degradation/vector.ts';
import type { EdgeSpec, NetworkSpec } from '../../core/network/spec.ts';
import type { DegradationRecipe } from '../train/data/degradation-recipe.ts';
import type { TrainRecipe } from '../train/train-model.ts';
import { EDGE_RECIPE, uniformWidths } from './edge-recipe.ts';

/** How pictures for such a network are degraded where no recipe says it: compression has none. Undefined for networks without a code. */
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
    // What noise and compression cost the others is measured on clean ones.
    noiseSigma: [1, 20],
    noiseShare: 0.25,
    jpegQuality: [30, 95],
    jpegShare: 0.35,
    givenShare: 0.3,
  };
}

/** The trunk of edge-x4 with a code: 330 thousand parameters, of which 110 thousand are the estimator's. */
function blindSpec(scale: 2 | 4): EdgeSpec {
  const trunk = { family: 'edge', scale, featureCount: 32, innerWidths: uniformWidths(10, 32) } as const;
  return { ...trunk, code: { width: VECTOR_WIDTH, hidden: 32, estimator: [16, 32, 64] } };
}

/**
 * Larger patches towards the end: a blur shows in what lies further apart. The estimator learns last, alone, from still larger ones:
 * before, it also learns what is good for the enlargement of small patches, which is not quite the truth.
 */
export function blindRecipe(scale: 2 | 4): TrainRecipe {
  return {
    ...EDGE_RECIPE,
    // Muon is not measured for networks with a code.
    optimizer: 'adam',
    schedule: { steps: 14_000, learningRate: 1e-3, warmupSteps: 200 },
    stages: [
      { fromShare: 0.56, batchSize: 8, lrPatchSize: 48 },
      { fromShare: 0.8, batchSize: 16, lrPatchSize: 64, learns: 'estimator', learningRate: 2e-3 },
    ],
    spec: blindSpec(scale),
    degradation: blindDegradation(scale),
  };
}
