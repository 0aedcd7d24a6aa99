import { EDGE_RECIPE } from './edge-recipe.ts';
import type { TrainPreset } from './preset.ts';

/**
 * The paper's structure (bicubic input, U shape, channel attention, a loss and a dual network at every level) at half
 * the widths of DRN-S and 4 of its 30 blocks. Deeper than `edge`, so at half the rate that Adam takes there, and with Adam, as the paper; it works at HR resolution too, so
 * small patches keep a step at about a second on two cores.
 */
export const DRN_XS_X4: TrainPreset = {
  id: 'drn-xs-x4',
  description: "DRN's structure at a size that a CPU can train: x4, 235 thousand parameters",
  recipe: {
    ...EDGE_RECIPE,
    optimizer: 'adam',
    schedule: { steps: 8000, learningRate: 1e-3, warmupSteps: 200 },
    lrPatchSize: 24,
    spec: { family: 'drn', scale: 4, featureCount: 8, blockCount: 4 },
  },
};
