import { blindRecipe } from './blind-recipe.ts';
import type { TrainPreset } from './preset.ts';

export const EDGE_BLIND_X2: TrainPreset = {
  id: 'edge-blind-x2',
  description: 'x2 for blurred, noisy, compressed pictures, 319 thousand parameters; start from edge-blind-x4',
  recipe: blindRecipe(2),
};
