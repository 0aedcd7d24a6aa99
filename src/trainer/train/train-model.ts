/** One training run from a folder of photographs to a parameter vector: the list of its steps. */
import { join } from 'node:path';
import type { Engine } from '../../core/engine/engine.ts';
import type { NodePlacement } from '../../core/engine/onnx/node-placement.ts';
import type { Provider } from '../../core/engine/runtime.ts';
import { badOption } from '../../core/errors.ts';
import type { Network } from '../../core/network/network.ts';
import type { NetworkSpec, ParameterValues } from '../../core/network/spec.ts';
import type { PixelImage } from '../../core/pixels/image.ts';
import { checkRecipe } from './check-recipe.ts';
import {
  type Dataset,
  type DatasetSummary,
  loadTrainingData,
  summarise,
  type TrainingData,
  type UnpairedOptions,
} from './data/dataset.ts';
import {
  checkPseudoLabels,
  makePseudoLabels,
  openLabelStore,
  type PseudoLabelOptions,
  removeLabels,
} from './pseudo-labels/pseudo-labels.ts';
import { estimatorObjective, estimatorProgram, freezeOthers } from './run/estimator-stage.ts';
import { type Learner, planStages, type Schedule, type StagedRecipe, type StagePlan } from './run/schedule.ts';
import { type LoopContext, type LoopOptions, type TrainEvent, trainLoop } from './run/train-loop.ts';
import { loadCheckpoint, saveCheckpoint, startState, type TrainPoint } from './run/train-state.ts';
import { createValidator } from './run/validate.ts';
import { openGradients } from './step/gradient-pool.ts';
import { type BatchShape, createObjective, gradientProgram, type Objective, type Teacher } from './step/objective.ts';
import { updateProgram } from './step/optimizer.ts';
import { unflattenParameters } from './step/parameter-layout.ts';
import { createResidentStepper } from './step/resident-stepper.ts';
import { createSplitStepper, type Stepper } from './step/stepper.ts';

export interface TrainRecipe extends Omit<LoopOptions, 'stage'>, StagedRecipe {
  readonly schedule: Schedule;
  readonly spec: NetworkSpec;
  /** Weight of the dual regression loss. 0 turns it off. @default 0.1 */
  readonly dualWeight: number;
}

export interface TrainOptions {
  readonly recipe: TrainRecipe;
  /** Folders of photographs. */
  readonly data: readonly string[];
  /** Photographs that are read already, at the network's levels: `data` is not read then. */
  readonly dataset?: Dataset;
  /** Folder of the run: checkpoint and log. */
  readonly out: string;
  /** Go on from the folder's checkpoint; without it a folder that holds one is refused by the caller. */
  readonly resume: boolean;
  /** Weights to start from instead of random ones; parameters they lack (a new tail, the duals) start at random, blocks they lack as the identity. */
  readonly startFrom?: Readonly<Record<string, ParameterValues>>;
  /** Runs the optimiser and validations; the `tfjs` engine also computes the gradients, in this thread. */
  readonly engine: Engine;
  /** Where the workers' sessions run. @default 'cpu' */
  readonly provider?: Provider;
  /** Worker threads for gradients, of no effect with the `tfjs` engine. @default 1 */
  readonly workers?: number;
  /** Patches per run of the network, one number or by the batches of a stage. @default `shareOfWorker` */
  readonly microBatchSize?: number | ((shape: BatchShape) => number);
  /** Pictures without ground truth, like those to enlarge later: the dual loss learns from them too. */
  readonly unpaired?: UnpairedOptions;
  /** Share of the photographs held out by the hash of their bytes, 0 to 1 (excluded). @default 0.03 */
  readonly validationShare?: number;
  /** A larger network to learn from as well. */
  readonly teacher?: Teacher;
  /** Networks whose images are the ground truth, in place of the photographs or mixed with them. */
  readonly targets?: PseudoLabelOptions;
  readonly decode: (bytes: Buffer) => Promise<PixelImage>;
  readonly report: (event: RunEvent) => void;
  /** Called for every stage with the nodes of its graph that a provider other than `cpu` left to the CPU. */
  readonly onPlacement?: (placement: NodePlacement) => void;
  readonly signal?: AbortSignal;
}

export type RunEvent =
  | TrainEvent
  | { readonly type: 'data'; readonly done: number; readonly total: number }
  /** So many photographs have the ground truth that `targets` makes. */
  | { readonly type: 'targets'; readonly done: number; readonly total: number }
  /** Photographs and checkpoint are read; `step` steps were done before, by the run that is resumed. */
  | { readonly type: 'start'; readonly step: number; readonly parameterCount: number; readonly dataset: DatasetSummary }
  /** Everything is ready for steps with batches of this shape. */
  | ({ readonly type: 'stage'; readonly step: number; readonly learns?: Learner } & BatchShape);

export interface TrainResult {
  readonly step: number;
  /** Moving average of the primal network's weights. */
  readonly parameters: Readonly<Record<string, ParameterValues>>;
  /** The dual networks' weights. */
  readonly dualParameters: Readonly<Record<string, ParameterValues>>;
  readonly dataset: DatasetSummary;
}

export const checkpointPath = (out: string): string => join(out, 'checkpoint.safetensors');

/** Throws DS_BAD_OPTION for what a run could not learn from. */
function createRunObjective({ recipe, unpaired, teacher, targets }: TrainOptions): Objective {
  const { spec, dualWeight } = recipe;
  const batchSize = Math.min(...planStages(recipe).map((stage) => stage.batchSize));
  if (unpaired && !(unpaired.share > 0 && unpaired.share < 1)) {
    throw badOption('--unpaired-share', 'a number above 0 and below 1', unpaired.share);
  }
  checkRecipe(recipe);
  if (targets) checkPseudoLabels(targets, spec.scale, recipe.degradation !== undefined);
  if (unpaired && batchSize < 2) {
    throw badOption('--unpaired', 'used with batches of at least 2 patches: one of them is a pair', batchSize);
  }
  return createObjective(spec, dualWeight, { hasUnpaired: unpaired !== undefined, teacher });
}

/** One program for the whole step where another device than the CPU takes a batch as one; else gradients and optimiser apart. */
async function createStepper(
  whole: Objective,
  point: TrainPoint,
  { recipe, engine, workers = 1, provider = 'cpu', microBatchSize, onPlacement }: TrainOptions,
  { batchSize, lrPatchSize, learns }: StagePlan,
): Promise<Stepper> {
  const isPart = learns === 'estimator';
  const objective = isPart ? estimatorObjective(whole) : whole;
  const state = isPart ? freezeOthers(whole.layout, point.state) : point.state;
  const program = isPart ? estimatorProgram : gradientProgram;
  const chosen = typeof microBatchSize === 'function' ? microBatchSize({ batchSize, lrPatchSize }) : microBatchSize;
  const update = updateProgram(objective, recipe);
  const isWhole = provider !== 'cpu' && workers === 1 && (chosen ?? batchSize) === batchSize;
  if (engine.name !== 'tfjs' && isWhole) {
    return createResidentStepper(objective, state, { batchSize, lrPatchSize, provider, update, program, onPlacement });
  }
  const shape = { batchSize, lrPatchSize, microBatchSize: chosen, program };
  const pool = await openGradients(objective, engine, { ...shape, workers, provider, onPlacement });
  return createSplitStepper(pool, engine, state, update);
}

/** What is read, with the ground truth that the run is to learn. */
async function openData(options: TrainOptions, { levels }: Objective): Promise<TrainingData> {
  const { recipe, out, dataset, targets, engine, report, signal } = options;
  const minLrSide = Math.max(...planStages(recipe).map(({ lrPatchSize }) => lrPatchSize));
  const { augmentation } = recipe;
  const data: TrainingData = dataset ?? (await loadTrainingData({ ...options, augmentation, minLrSide }, levels));
  if (!targets) return data;
  const onProgress = (done: number, total: number) => report({ type: 'targets', done, total });
  const store = await openLabelStore(out, targets.teachers);
  const hooks = { store, onProgress, signal };
  const train = await makePseudoLabels(data.train, targets, engine, hooks);
  return { ...data, train };
}

/** Trains through the stages that `start` has not done yet. */
async function runStages(
  start: TrainPoint,
  objective: Objective,
  options: TrainOptions,
  context: Omit<LoopContext, 'stepper'>,
): Promise<TrainPoint> {
  const { recipe, report, signal } = options;
  let point = start;
  for (const stage of planStages(recipe)) {
    if (point.step >= stage.until || signal?.aborted) continue;
    const stepper = await createStepper(objective, point, options, stage);
    const { batchSize, lrPatchSize, learns } = stage;
    try {
      report({ type: 'stage', step: point.step, batchSize, lrPatchSize, learns: learns || undefined });
      point = await trainLoop(point, { ...recipe, batchSize, lrPatchSize, stage }, { ...context, stepper });
    } finally {
      await stepper.close();
    }
  }
  return point;
}

/** Throws DS_BAD_DATA when the photographs or the checkpoint cannot be used, DS_BAD_OPTION for options that contradict each other. */
export async function trainModel(options: TrainOptions): Promise<TrainResult> {
  const { recipe, out, engine, report } = options;
  const objective = createRunObjective(options);
  const { primal, duals, layout } = objective;
  const fingerprint = JSON.stringify({ spec: recipe.spec, dual: duals.map(({ spec }) => spec), seed: recipe.seed });
  const resumed = options.resume ? await loadCheckpoint(checkpointPath(out), fingerprint) : undefined;
  const data = await openData(options, objective);
  const unpaired = data.unpaired && options.unpaired && { ...options.unpaired, ...data.unpaired };
  const start = resumed ?? startState(objective, recipe.seed, options.startFrom);
  report({ type: 'start', step: start.step, parameterCount: layout.size, dataset: summarise(data) });
  const { step, state } = await runStages(start, objective, options, {
    dataset: data,
    report,
    unpaired,
    validate: await createValidator(engine, primal, layout, data.validation, recipe.degradation),
    save: (checkpoint) => saveCheckpoint(checkpointPath(out), { ...checkpoint, fingerprint }),
    signal: options.signal,
  });
  if (options.targets && step >= recipe.schedule.steps) await removeLabels(out);
  const average = (network: Pick<Network, 'parameters'>) => unflattenParameters(layout, state.average, network);
  return {
    step,
    parameters: average(primal),
    dualParameters: Object.assign({}, ...duals.map(average)),
    dataset: summarise(data),
  };
}
