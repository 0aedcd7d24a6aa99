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
import type { JobOutput, JobSpec } from '../queue/job-spec.ts';
import type { JobReporter } from './child-channel.ts';
import { planSteps, type StepPlan, type Trainer } from './plan-steps.ts';

export interface RecipeContext {
  readonly spec: JobSpec;
  /** Everything the job writes goes here. */
  readonly work: string;
  readonly report: JobReporter;
  readonly machine: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Ends the job with a checkpoint. */
  readonly signal: AbortSignal;
}

/** A tenth of the rate that the presets peak with: the network is nearly where it should be. */
const FINETUNE_RATE = 2e-4;
const UNPAIRED_SHARE = 0.25;

async function openBase({ request, modelDirectory }: JobSpec): Promise<{ recipe: TrainRecipe; base?: StoredModel }> {
  if (modelDirectory === undefined) return { recipe: findPreset(request.model).recipe };
  const base = await loadModel(modelDirectory);
  const { spec } = base.manifest;
  const recipe = {
    spec,
    dualWeight: 0.1,
    seed: 1,
    schedule: { steps: 1, learningRate: FINETUNE_RATE, warmupSteps: 20 },
    batchSize: 16,
    lrPatchSize: 32,
    checkpointEvery: 1,
    validateEvery: 1,
    degradation: degradationOf(spec),
  };
  return { recipe, base };
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

/** Reports the trainer's events to the server. */
function reportTraining(report: JobReporter, steps: number, now: () => number): (event: RunEvent) => void {
  let batchSize = 0;
  let since = now();
  let patchesPerSecond = 0;
  return (event) => {
    switch (event.type) {
      case 'step': {
        const { step, primalLoss, dualLoss, learningRate } = event;
        const speed = (1000 * batchSize) / Math.max(1, now() - since);
        patchesPerSecond = patchesPerSecond === 0 ? speed : 0.9 * patchesPerSecond + 0.1 * speed;
        since = now();
        report.step(step, steps, { loss: primalLoss, dualLoss, learningRate, patchesPerSecond });
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
        report.step(0, steps);
        return;
      case 'start':
        if (event.step > 0) report.note(`resumes at step ${event.step}`);
        return;
    }
  };
}

async function runTraining(
  { spec, work, report, machine, now, signal }: RecipeContext,
  { preset, base, data, trainer }: { preset: TrainPreset; base?: StoredModel; data: PreparedData; trainer: Trainer },
) {
  const { unpaired } = spec.data;
  return trainRun({
    preset,
    out: join(work, 'run'),
    resume: true,
    now,
    machine,
    signal,
    decode: decodeRgb,
    engine: trainer.engine,
    workers: trainer.workers ?? 1,
    provider: spec.provider,
    data: spec.data.pairs,
    validationShare: data.validationShare,
    unpaired: unpaired.length > 0 ? { folders: unpaired, share: UNPAIRED_SHARE } : undefined,
    startFrom: base,
    license: base?.manifest.license ?? 'UNLICENSED',
    dataNote: `${spec.request.type} job ${spec.job}`,
    weights: base?.manifest.weights.dtype ?? 'float32',
    report: reportTraining(report, preset.recipe.schedule.steps, now),
    warn: report.warn,
  });
}

/** Undefined when the signal ended it before it was done. Throws a DualscaleError for what no repetition mends. */
export async function runTrainJob(context: RecipeContext): Promise<JobOutput | undefined> {
  const { spec, work, report } = context;
  const { type, model: baseId, budget } = spec.request;
  const { recipe, base } = await openBase(spec);
  report.stage('data');
  const data = await prepareData({
    work,
    folders: spec.data.pairs,
    minSide: smallestSide(recipe),
    onProgress: (step, steps) => report.step(step, steps),
    warn: report.warn,
  });
  report.stage('plan');
  const engine = createOnnxEngine({ provider: spec.provider, threads: spec.threads });
  const trainer: Trainer = { engine, provider: spec.provider, workers: spec.threads };
  const plan = await planSteps({ work, budget, recipe, photographs: data.train, trainer, warn: report.warn });
  report.stage('train', plan.steps);
  const preset: TrainPreset = { id: spec.name, description: `${type} of ${baseId}`, recipe: withPlan(recipe, plan) };
  const { step, model } = await runTraining(context, { preset, base, data, trainer });
  if (!model) return undefined;
  return {
    modelDirectory: join(work, 'run', spec.name),
    validation: data.validation,
    recipe: { steps: step, trainPictures: data.train.length, validationPictures: data.validation.length },
  };
}
