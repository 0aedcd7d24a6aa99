import { drnRecipe } from './drn-recipe.ts';
import type { TrainPreset } from './preset.ts';

export const DRN_S_X8: TrainPreset = {
  id: 'drn-s-x8',
  description: "the paper's DRN-S x8, 5.4 million parameters, as its authors trained it; for GPUs",
  recipe: { ...drnRecipe(8), spec: { family: 'drn', scale: 8, featureCount: 8, blockCount: 30 } },
};
