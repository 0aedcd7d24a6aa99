/** `compress` jobs: the recipe of `src/trainer/compress`, with a job's data, target and budget. */
import { join } from 'node:path';
import { decodeRgb } from '../../core/codec/decode.ts';
import { createOnnxEngine } from '../../core/engine/onnx/onnx-engine.ts';
import { processorTime } from '../../core/measure/latency.ts';
import { loadModel, type StoredModel } from '../../core/models/load.ts';
import type { Budget as CompressBudget } from '../../trainer/compress/budget.ts';
import type { PictureSize } from '../../trainer/compress/compress-settings.ts';
import type { Effort } from '../../trainer/compress/effort.ts';
import type { CompressEvent } from '../../trainer/compress/progress.ts';
import { compressModel } from '../../trainer/compress/recipe.ts';
import { degradationOf } from '../../trainer/presets/recipes.ts';
import { type PreparedData, prepareData } from '../data/prepare-data.ts';
import type { Target } from '../queue/job.ts';
import { readJson, replaceJson } from '../queue/job-folder.ts';
import { type Outcome, PLAIN_LATENCY, type WorkOrder } from '../queue/work-order.ts';
import type { ChildReport } from './child-report.ts';
import { compressEffort, tuneLikeRecipe } from './compress-effort.ts';
import { measureLatency } from './measure-latency.ts';
import { planSteps } from './plan-steps.ts';
import { type RecipeContext, smallestSide } from './train-job.ts';

/** The gate measures again, with a little luck or without: aiming at the target itself would miss it half the time. */
const AIM = 0.95;

interface CompressPlan {
  readonly budget: CompressBudget;
  readonly effort: Effort;
}

async function latencyBudget(base: StoredModel, target: Exclude<Target, { macs: number }>, order: WorkOrder) {
  const { latencyThreads: threads, provider } = order;
  if ('latencyMs' in target) {
    const { latencyMs, width, height, percentile } = target;
    return { ms: latencyMs, width, height, percentile, threads };
  }
  const engine = createOnnxEngine({ provider, threads });
  const [full] = await measureLatency(engine, [base], { latency: PLAIN_LATENCY, threads, provider });
  return { ms: target.ratio * full.percentileMs, ...PLAIN_LATENCY, threads };
}

async function toBudget(base: StoredModel, { order, report }: RecipeContext): Promise<CompressBudget> {
  const target = order.request.target as Target;
  if ('macs' in target) return { kind: 'macs', macs: target.macs };
  const { ms, ...rest } = await latencyBudget(base, target, order);
  const { width, height } = rest;
  report.event({ type: 'latency', data: { kind: 'target', model: order.name, ms, width, height } });
  return { kind: 'latency', latencyMs: AIM * ms, ...rest };
}

/** Decided once: a resumed job keeps it. */
async function planCompression(base: StoredModel, data: PreparedData, context: RecipeContext): Promise<CompressPlan> {
  const { work, order } = context;
  const path = join(work, 'compress.json');
  const known = readJson<CompressPlan>(path);
  if (known) return known;
  const { budget } = order.request;
  const { spec } = base.manifest;
  const isTimed = typeof budget === 'object' && 'minutes' in budget;
  const parts = {
    engine: createOnnxEngine({ threads: order.threads }),
    provider: order.provider,
    workers: order.threads,
  };
  const degradation = degradationOf(spec);
  const recipe = { ...tuneLikeRecipe(spec), ...(degradation ? { degradation } : {}) };
  const steps = isTimed ? await planSteps({ work, budget, recipe, photographs: data.train, parts }) : undefined;
  const plan = { budget: await toBudget(base, context), effort: compressEffort(budget, spec, steps?.steps) };
  replaceJson(path, plan);
  return plan;
}

/** The picture whose latency counts. */
function pictureOf(budget: CompressBudget): PictureSize {
  const { width, height } = budget.kind === 'latency' ? budget : PLAIN_LATENCY;
  return { width, height };
}

/** Tells the server of the recipe's events. */
function tellOfCompression(
  report: ChildReport,
  { name }: WorkOrder,
  { width, height }: PictureSize,
): (event: CompressEvent) => void {
  let told: { psnrDb?: number; predictedMs?: number; measuredMs?: number } = {};
  const latency = (kind: 'predicted' | 'measured', ms: number) => {
    report.event({ type: 'latency', data: { kind, model: name, ms, width, height } });
  };
  const tellNews = ({ step, psnrDb, predictedMs, measuredMs }: Extract<CompressEvent, { type: 'step' }>): void => {
    if (psnrDb !== undefined && psnrDb !== told.psnrDb) report.event({ type: 'validation', data: { step, psnrDb } });
    if (predictedMs !== undefined && predictedMs !== told.predictedMs) latency('predicted', predictedMs);
    if (measuredMs !== undefined && measuredMs !== told.measuredMs) latency('measured', measuredMs);
    told = { psnrDb, predictedMs, measuredMs };
  };
  return (event) => {
    switch (event.type) {
      case 'stage':
        // What the recipe publishes lies in the job's own folder: the job is not done with that.
        if (event.stage !== 'publish') report.stage(event.stage);
        return;
      case 'step': {
        const { step, steps, loss } = event;
        report.step({ step, steps, numbers: loss === undefined ? {} : { loss } });
        tellNews(event);
        return;
      }
      case 'data':
      case 'done':
        return;
    }
  };
}

export async function runCompressJob(context: RecipeContext): Promise<Outcome> {
  const { order, work, report, machine, now, signal } = context;
  const base = await loadModel(order.modelDirectory as string);
  report.stage('data');
  const data = await prepareData(
    work,
    order.data.pairs,
    smallestSide(tuneLikeRecipe(base.manifest.spec)),
    (step, steps) => {
      report.step({ step, steps, numbers: {} });
    },
  );
  const { budget, effort } = await planCompression(base, data, context);
  const { maxPsnrDropDb } = order.request;
  const picture = pictureOf(budget);
  const result = await compressModel({
    settings: {
      model: order.modelDirectory as string,
      data: order.data.pairs,
      out: join(work, 'compress'),
      resume: true,
      budget,
      effort,
      id: order.name,
      machine,
      provider: order.provider,
      workers: order.threads,
      validationShare: data.validationShare,
      weights: base.manifest.weights.dtype,
      // The recipe refuses a drop of none; whether the model may serve is decided by the job's own gate.
      maxPsnrDropDb: Math.max(maxPsnrDropDb, Number.EPSILON),
      at: picture,
      dataNote: `compress job ${order.job}`,
    },
    decode: decodeRgb,
    now,
    clock: () => performance.now(),
    processorTime,
    signal,
    report: tellOfCompression(report, order, picture),
    warn: (message) => report.note(message, 'warning'),
  });
  for (const note of result.report.notes) report.note(`${order.name} ${note}`);
  const { directory: modelDirectory } = result;
  return { modelDirectory, validation: data.validation, recipe: { ...result.report, directory: undefined } };
}
