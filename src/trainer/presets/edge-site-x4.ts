import { blindRecipe } from './blind-recipe.ts';
import type { TrainPreset } from './preset.ts';

const recipe = blindRecipe(4);

/** A tenth of the steps at a fifth of the rate: the model learns a site's pictures and forgets nothing. */
export const EDGE_SITE_X4: TrainPreset = {
  id: 'edge-site-x4',
  description:
    "x4 for one site's own pictures, 330 thousand parameters: start from edge-blind-x4 and give the site's small pictures as --unpaired",
  recipe: { ...recipe, schedule: { steps: 1500, learningRate: 2e-4, warmupSteps: 50 }, stages: [] },
};
