import { EDGE_RECIPE, uniformWidths } from './edge-recipe.ts';
import type { TrainPreset } from './preset.ts';

/** 16 channels: the block of ONNX Runtime's blocked convolutions, which 24 would miss. */
export const EDGE_S_X4: TrainPreset = {
  id: 'edge-s-x4',
  description: 'x4 for tight budgets: 10 blocks of 16 channels, 54 thousand parameters',
  recipe: { ...EDGE_RECIPE, spec: { family: 'edge', scale: 4, featureCount: 16, innerWidths: uniformWidths(10, 16) } },
};
