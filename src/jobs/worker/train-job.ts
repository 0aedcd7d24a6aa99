/** `finetune` and `train` jobs: the list of their steps. */
import { join } from 'node:path';
import { decodeRgb } from '../../core/codec/decode.ts';
import { createOnnxEngine } from '../../core/engine/onnx/onnx-engine.ts';
import { loadModel, type StoredModel } from '../../core/models/load.ts';
import { findPreset, type TrainPreset } from '../../trainer/presets/presets.ts';
import { degradationOf } from '../../trainer/presets/recipes.ts';
import { trainRun } from '../../trainer/train/run/train-run.ts';
import type { RunEvent, TrainRecipe } from '../../trainer/train/train-model.ts';
import { type PreparedData, prepareData } from '../data/prepare-data.ts';
import type { Outcome, WorkOrder } from '../queue/work-order.ts';
import type { ChildReport } from './child-report.ts';
import { planSteps, type StepPlan, type TrainParts } from './plan-steps.ts';

export interface RecipeContext {
  readonly order: WorkOrder;
  /** Everything the job writes goes here. */
  readonly work: string;
  readonly report: ChildReport;
  readonly machine: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Ends the job with a checkpoint. */
  readonly signal: AbortSignal;
}

/** A tenth of the rate that the presets peak with: the network is nearly where it should be. */
const FINETUNE_RATE = 2e-4;
const UNPAIRED_SHARE = 0.25;

/** Undefined when the signal ended it before it was done. */
type RecipeResult = Promise<Outcome | undefined>;

async function openBase({ request, modelDirectory }: WorkOrder): Promise<{ recipe: TrainRecipe; base?: StoredModel }> {
  if (modelDirectory === undefined) return { recipe: findPreset(request.model).recipe };
  const base = await loadModel(modelDirectory);
  const schedule = { steps: 1, learningRate: FINETUNE_RATE, warmupSteps: 20 };
  const shape = { batchSize: 16, lrPatchSize: 32, checkpointEvery: 1, validateEvery: 1 };
  const { spec } = base.manifest;
  const degradation = degradationOf(spec);
  const told = degradation ? { degradation } : {};
  return { recipe: { spec, dualWeight: 0.1, seed: 1, schedule, ...shape, ...told }, base };
}

/** Small pictures still teach when the patches are made as small as they are. */
export function smallestSide({ spec, lrPatchSize, stages = [] }: TrainRecipe): number {
  return spec.scale * Math.max(lrPatchSize, ...stages.map((stage) => stage.lrPatchSize));
}

function withPlan(recipe: TrainRecipe, { steps, checkpointEvery, validateEvery }: StepPlan): TrainRecipe {
  const { warmupSteps = 100 } = recipe.schedule;
  // A short run must not spend most of its steps on getting up to speed.
  const schedule = { ...recipe.schedule, steps, warmupSteps: Math.min(warmupSteps, Math.ceil(steps / 10)) };
  return { ...recipe, schedule, checkpointEvery, validateEvery };
}

/** Tells the server of the trainer's events. */
function tellOfTraining(report: ChildReport, steps: number, now: () => number): (event: RunEvent) => void {
  let batchSize = 0;
  let [since, patchesPerSecond] = [now(), 0];
  return (event) => {
    switch (event.type) {
      case 'step': {
        const { step, primalLoss, dualLoss, learningRate } = event;
        const speed = (1000 * batchSize) / Math.max(1, now() - since);
        patchesPerSecond = patchesPerSecond === 0 ? speed : 0.9 * patchesPerSecond + 0.1 * speed;
        since = now();
        report.step({ step, steps, numbers: { loss: primalLoss, dualLoss, learningRate, patchesPerSecond } });
        return;
      }
      case 'validation':
        if (Number.isFinite(event.psnrDb)) {
          report.event({ type: 'validation', data: { step: event.step, psnrDb: event.psnrDb } });
        }
        since = now();
        return;
      case 'stage':
        batchSize = event.batchSize;
        since = now();
        return;
      case 'data':
      case 'targets':
        report.step({ step: 0, steps, numbers: {} });
        return;
      case 'start':
        if (event.step > 0) report.note(`goes on from step ${event.step}`);
        return;
    }
  };
}

async function runTraining(
  { order, work, report, machine, now, signal }: RecipeContext,
  { preset, base, data, parts }: { preset: TrainPreset; base?: StoredModel; data: PreparedData; parts: TrainParts },
) {
  const { unpaired } = order.data;
  return trainRun({
    preset,
    out: join(work, 'run'),
    resume: true,
    now,
    machine,
    signal,
    decode: decodeRgb,
    engine: parts.engine,
    workers: parts.workers ?? 1,
    provider: order.provider,
    data: order.data.pairs,
    validationShare: data.validationShare,
    unpaired: unpaired.length > 0 ? { folders: unpaired, share: UNPAIRED_SHARE } : undefined,
    startFrom: base,
    license: base?.manifest.license ?? 'UNLICENSED',
    dataNote: `${order.request.type} job ${order.job}`,
    weights: base?.manifest.weights.dtype ?? 'float32',
    report: tellOfTraining(report, preset.recipe.schedule.steps, now),
    warn: (message) => report.note(message, 'warning'),
  });
}

export async function runTrainJob(context: RecipeContext): RecipeResult {
  const { order, work, report } = context;
  const { recipe, base } = await openBase(order);
  report.stage('data');
  const data = await prepareData(work, order.data.pairs, smallestSide(recipe), (step, steps) => {
    report.step({ step, steps, numbers: {} });
  });
  const engine = createOnnxEngine({ provider: order.provider, threads: order.threads });
  const parts: TrainParts = { engine, provider: order.provider, workers: order.threads };
  report.stage('plan');
  const plan = await planSteps({ work, budget: order.request.budget, recipe, photographs: data.train, parts });
  report.stage('train', plan.steps);
  const description = `${order.request.type} of ${order.request.model}`;
  const preset: TrainPreset = { id: order.name, description, recipe: withPlan(recipe, plan) };
  const { step, model } = await runTraining(context, { preset, base, data, parts });
  if (!model) return undefined;
  return {
    modelDirectory: join(work, 'run', order.name),
    validation: data.validation,
    recipe: { steps: step, trainPictures: data.train.length, validationPictures: data.validation.length },
  };
}
