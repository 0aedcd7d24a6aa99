import { drnRecipe } from './drn-recipe.ts';
import type { TrainPreset } from './preset.ts';

export const DRN_S_X2: TrainPreset = {
  id: 'drn-s-x2',
  description: 'DRN with the widths of DRN-S for x2, 0.6 million parameters; for GPUs',
  recipe: { ...drnRecipe(2), spec: { family: 'drn', scale: 2, featureCount: 16, blockCount: 30 } },
};
