import { drnRecipe } from './drn-recipe.ts';
import type { TrainPreset } from './preset.ts';

export const DRN_L_X4: TrainPreset = {
  id: 'drn-l-x4',
  description: "the paper's DRN-L x4, 9.8 million parameters, as its authors trained it; for GPUs",
  recipe: { ...drnRecipe(4), spec: { family: 'drn', scale: 4, featureCount: 20, blockCount: 40 } },
};
