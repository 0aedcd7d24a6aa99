import { EDGE_RECIPE, uniformWidths } from './edge-recipe.ts';
import type { TrainPreset } from './preset.ts';

export const EDGE_X4: TrainPreset = {
  id: 'edge-x4',
  description: 'x4 for CPUs: 8 blocks of 48 channels, 355 thousand parameters',
  recipe: { ...EDGE_RECIPE, spec: { family: 'edge', scale: 4, featureCount: 48, innerWidths: uniformWidths(8, 48) } },
};
