import { EDGE_RECIPE, uniformWidths } from './edge-recipe.ts';
import type { TrainPreset } from './preset.ts';

export const EDGE_S_X4: TrainPreset = {
  id: 'edge-s-x4',
  description: 'x4 for tight budgets: 4 blocks of 24 channels, 53 thousand parameters',
  recipe: { ...EDGE_RECIPE, spec: { family: 'edge', scale: 4, featureCount: 24, innerWidths: uniformWidths(4, 24) } },
};
