import { drnRecipe } from './drn-recipe.ts';
import type { TrainPreset } from './preset.ts';

export const DRN_L_X8: TrainPreset = {
  id: 'drn-l-x8',
  description: "the paper's DRN-L x8, 10 million parameters, as its authors trained it; for GPUs",
  recipe: { ...drnRecipe(8), spec: { family: 'drn', scale: 8, featureCount: 10, blockCount: 36 } },
};
