import { EDGE_RECIPE, uniformWidths } from './edge-recipe.ts';
import type { TrainPreset } from './preset.ts';

/** As large as one thread allows when it has to be five times faster than esrgan-slim on TF.js WASM (docs/benchmarks.md). */
export const EDGE_X4: TrainPreset = {
  id: 'edge-x4',
  description: 'x4 for CPUs: 10 blocks of 32 channels, 200 thousand parameters',
  recipe: { ...EDGE_RECIPE, spec: { family: 'edge', scale: 4, featureCount: 32, innerWidths: uniformWidths(10, 32) } },
};
