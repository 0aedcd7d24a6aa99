import { EDGE_RECIPE, uniformWidths } from './edge-recipe.ts';
import type { TrainPreset } from './preset.ts';

export const EDGE_L_X4: TrainPreset = {
  id: 'edge-l-x4',
  description: 'x4 where quality matters more than time: 12 blocks of 48 channels, 521 thousand parameters',
  recipe: { ...EDGE_RECIPE, spec: { family: 'edge', scale: 4, featureCount: 48, innerWidths: uniformWidths(12, 48) } },
};
