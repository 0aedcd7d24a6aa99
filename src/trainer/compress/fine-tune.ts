/** Stage `fine-tune`: the pruned network learns on by dual regression, and from the images of the network it was cut from. */
import type { NetworkSpec } from '../../core/network/spec.ts';
import { degradationOf, SCRATCH_RATE } from '../presets/recipes.ts';
import { type RunEvent, type TrainRecipe, trainModel } from '../train/train-model.ts';
import { type Compression, stageFolder, stopIfAsked } from './compression.ts';
import { DUAL_WEIGHT } from './find-widths.ts';
import type { PrunedNetwork, Values } from './prune/pruned-network.ts';

/** Weight of the distance to the uncompressed model's images, that of the paper's code for a loss of this kind. */
export const DISTILL_WEIGHT = 1;
/** Peak rates of a network that starts from random weights. */
const SCRATCH_RATES = { muon: SCRATCH_RATE, adam: 2e-3 } as const;
/** Muon's steps are as long whatever the gradient: in runs shorter than was measured a high rate only shakes the network. */
const FEWEST_FULL_STEPS = 900;
const CHECKPOINTS = 24;
const VALIDATIONS = 12;

/** @param settings of the compression. */
export function tuneRecipe(
  { settings, effort }: Pick<Compression, 'settings' | 'effort'>,
  spec: NetworkSpec,
): TrainRecipe {
  const { tuneSteps: steps, batchSize, lrPatchSize, optimizer } = effort;
  const share = optimizer === 'muon' ? Math.min(1, Math.sqrt(steps / FEWEST_FULL_STEPS)) : 1;
  const learningRate = settings.method === 'scratch' ? SCRATCH_RATES[optimizer] : effort.learningRate * share;
  const degradation = degradationOf(spec);
  return {
    degradation,
    spec,
    batchSize,
    lrPatchSize,
    dualWeight: DUAL_WEIGHT,
    seed: settings.seed,
    optimizer,
    schedule: { steps, learningRate, warmupSteps: Math.min(100, Math.ceil(steps / 10)) },
    checkpointEvery: Math.max(1, Math.round(steps / CHECKPOINTS)),
    validateEvery: Math.max(1, Math.round(steps / VALIDATIONS)),
  };
}

function createReporter({ progress }: Compression, steps: number) {
  let psnr = {};
  return (event: RunEvent): void => {
    if (event.type === 'validation') psnr = { psnrDb: event.psnrDb };
    if (event.type === 'step') progress.step({ step: event.step, steps, loss: event.primalLoss, ...psnr });
  };
}

export interface TunedNetwork {
  readonly parameters: Values;
  readonly dualParameters: Values;
}

export async function fineTune(compression: Compression, pruned: PrunedNetwork, duals: Values): Promise<TunedNetwork> {
  const { settings, base, resources, hooks } = compression;
  const recipe = tuneRecipe(compression, pruned.spec);
  const isScratch = settings.method === 'scratch';
  const { manifest, parameters } = base;
  const { step, ...trained } = await trainModel({
    recipe,
    data: settings.data,
    dataset: await compression.dataset(),
    out: stageFolder(compression, 'fine-tune'),
    // Its checkpoint is there only when this stage has begun.
    resume: true,
    ...resources,
    decode: hooks.decode,
    startFrom: { ...pruned.parameters, ...(isScratch ? {} : duals) },
    teacher: isScratch ? undefined : { spec: manifest.spec, parameters, weight: DISTILL_WEIGHT },
    microBatchSize: (shape) => compression.microBatchSize(pruned.spec, shape),
    report: createReporter(compression, recipe.schedule.steps),
    signal: hooks.signal,
  });
  if (step < recipe.schedule.steps) stopIfAsked(compression);
  const { parameters: own, dualParameters } = trained;
  return { parameters: own, dualParameters };
}
