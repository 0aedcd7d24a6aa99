/** Training runs as data: `dualscale train --preset <id>` needs nothing else but photographs. */
import { badOption } from '../../core/errors.ts';
import type { TrainRecipe } from '../train/train-model.ts';
import { blindRecipe, drnRecipe, EDGE_RECIPE, edgeSpec } from './recipes.ts';

export interface TrainPreset {
  /** Also the id of the model that comes out: lower-case words joined by `-`. */
  readonly id: string;
  /** One line for lists and help. */
  readonly description: string;
  readonly recipe: TrainRecipe;
}

export const PRESETS: readonly TrainPreset[] = [
  {
    // As large as one thread allows when it has to be five times faster than esrgan-slim on TF.js
    // WASM (dev/benchmarks.md).
    id: 'edge-x4',
    description: 'x4 for CPUs: 10 blocks of 32 channels, 200 thousand parameters',
    recipe: { ...EDGE_RECIPE, spec: edgeSpec(4, 10, 32) },
  },
  {
    // With 8 blocks of 48 channels, x2 and x3 took 1.7 times as long for the same PSNR.
    id: 'edge-x2',
    description: 'x2 for CPUs: the trunk of edge-x4, 189 thousand parameters; start from it (--start-from)',
    recipe: { ...EDGE_RECIPE, spec: edgeSpec(2, 10, 32) },
  },
  {
    id: 'edge-x3',
    description: 'x3 for CPUs: the trunk of edge-x4, 194 thousand parameters; start from it (--start-from)',
    recipe: { ...EDGE_RECIPE, spec: edgeSpec(3, 10, 32) },
  },
  {
    // Half the rate of x4 keeps a trunk that is already trained; LR patches of 24 pixels are 192 of HR.
    id: 'edge-x8',
    description: 'x8 for CPUs: 8 blocks of 48 channels, 417 thousand parameters; start from it (--start-from)',
    recipe: {
      ...EDGE_RECIPE,
      schedule: { ...EDGE_RECIPE.schedule, learningRate: 2e-3 },
      lrPatchSize: 24,
      spec: edgeSpec(8, 8, 48),
    },
  },
  {
    // 16 channels are the block of ONNX Runtime's blocked convolutions, which 24 would miss.
    id: 'edge-s-x4',
    description: 'x4 for tight budgets: 10 blocks of 16 channels, 54 thousand parameters',
    recipe: { ...EDGE_RECIPE, spec: edgeSpec(4, 10, 16) },
  },
  {
    id: 'edge-l-x4',
    description: 'x4 where quality matters more than time: 12 blocks of 48 channels, 521 thousand parameters',
    recipe: { ...EDGE_RECIPE, spec: edgeSpec(4, 12, 48) },
  },
  {
    id: 'edge-blind-x4',
    description:
      'x4 for blurred, noisy, compressed pictures, 330 thousand parameters; start from edge-x4 (--start-from)',
    recipe: blindRecipe(4),
  },
  {
    id: 'edge-blind-x2',
    description: 'x2 for blurred, noisy, compressed pictures, 319 thousand parameters; start from edge-blind-x4',
    recipe: blindRecipe(2),
  },
  {
    // A tenth of the steps at a fifth of the rate: the model learns a site's pictures and forgets nothing.
    id: 'edge-site-x4',
    description:
      "x4 for one site's own pictures, 330 thousand parameters: start from edge-blind-x4 and give the site's small pictures as --unpaired",
    recipe: { ...blindRecipe(4), schedule: { steps: 1500, learningRate: 2e-4, warmupSteps: 50 }, stages: [] },
  },
  {
    // The paper's structure (bicubic input, U shape, channel attention, a loss and a dual network at
    // every level) at half the widths of DRN-S and 4 of its 30 blocks, with Adam as in the paper.
    // It works at HR resolution too: small patches keep a step at about a second on two cores.
    id: 'drn-xs-x4',
    description: "DRN's structure at a size that a CPU can train: x4, 235 thousand parameters",
    recipe: {
      ...EDGE_RECIPE,
      optimizer: 'adam',
      schedule: { steps: 8000, learningRate: 1e-3, warmupSteps: 200 },
      lrPatchSize: 24,
      spec: { family: 'drn', scale: 4, featureCount: 8, blockCount: 4 },
    },
  },
  {
    id: 'drn-s-x4',
    description: "the paper's DRN-S x4, 4.8 million parameters, as its authors trained it; for GPUs",
    recipe: { ...drnRecipe(4), spec: { family: 'drn', scale: 4, featureCount: 16, blockCount: 30 } },
  },
  {
    id: 'drn-l-x4',
    description: "the paper's DRN-L x4, 9.8 million parameters, as its authors trained it; for GPUs",
    recipe: { ...drnRecipe(4), spec: { family: 'drn', scale: 4, featureCount: 20, blockCount: 40 } },
  },
  {
    id: 'drn-s-x8',
    description: "the paper's DRN-S x8, 5.4 million parameters, as its authors trained it; for GPUs",
    recipe: { ...drnRecipe(8), spec: { family: 'drn', scale: 8, featureCount: 8, blockCount: 30 } },
  },
  {
    id: 'drn-l-x8',
    description: "the paper's DRN-L x8, 10 million parameters, as its authors trained it; for GPUs",
    recipe: { ...drnRecipe(8), spec: { family: 'drn', scale: 8, featureCount: 10, blockCount: 36 } },
  },
  {
    id: 'drn-s-x2',
    description: 'DRN with the widths of DRN-S for x2, 0.6 million parameters; for GPUs',
    recipe: { ...drnRecipe(2), spec: { family: 'drn', scale: 2, featureCount: 16, blockCount: 30 } },
  },
];

/** Throws DS_BAD_OPTION with the ids there are. */
export function findPreset(id: string): TrainPreset {
  const preset = PRESETS.find((candidate) => candidate.id === id);
  if (!preset) throw badOption('--preset', `one of ${PRESETS.map((known) => known.id).join(', ')}`, id);
  return preset;
}
