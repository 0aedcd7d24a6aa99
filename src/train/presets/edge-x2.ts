import { EDGE_RECIPE, uniformWidths } from './edge-recipe.ts';
import type { TrainPreset } from './preset.ts';

/** Half the rate of x4, so that a trunk that is already trained is not shaken off. */
export const EDGE_X2: TrainPreset = {
  id: 'edge-x2',
  description: 'x2 for CPUs: the trunk of edge-l-x4; a start from it (--start-from) saves most of the steps',
  recipe: {
    ...EDGE_RECIPE,
    schedule: { ...EDGE_RECIPE.schedule, learningRate: 2e-3 },
    spec: { family: 'edge', scale: 2, featureCount: 48, innerWidths: uniformWidths(8, 48) },
  },
};
