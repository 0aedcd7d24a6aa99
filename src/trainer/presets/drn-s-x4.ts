import { drnRecipe } from './drn-recipe.ts';
import type { TrainPreset } from './preset.ts';

export const DRN_S_X4: TrainPreset = {
  id: 'drn-s-x4',
  description: "the paper's DRN-S x4, 4.8 million parameters, as its authors trained it; for GPUs",
  recipe: { ...drnRecipe(4), spec: { family: 'drn', scale: 4, featureCount: 16, blockCount: 30 } },
};
