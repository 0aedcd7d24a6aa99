import { blindRecipe } from './blind-recipe.ts';
import type { TrainPreset } from './preset.ts';

export const EDGE_BLIND_X4: TrainPreset = {
  id: 'edge-blind-x4',
  description: 'x4 for blurred, noisy, compressed pictures, 330 thousand parameters; start from edge-x4 (--start-from)',
  recipe: blindRecipe(4),
};
