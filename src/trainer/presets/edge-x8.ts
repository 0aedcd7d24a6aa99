import { EDGE_RECIPE, uniformWidths } from './edge-recipe.ts';
import type { TrainPreset } from './preset.ts';

/** Half the rate of x4, so that a trunk that is already trained is not shaken off; LR patches of 24 pixels are 192 of HR. */
export const EDGE_X8: TrainPreset = {
  id: 'edge-x8',
  description: 'x8 for CPUs: 8 blocks of 48 channels, 417 thousand parameters; start from it (--start-from)',
  recipe: {
    ...EDGE_RECIPE,
    schedule: { ...EDGE_RECIPE.schedule, learningRate: 2e-3 },
    lrPatchSize: 24,
    spec: { family: 'edge', scale: 8, featureCount: 48, innerWidths: uniformWidths(8, 48) },
  },
};
