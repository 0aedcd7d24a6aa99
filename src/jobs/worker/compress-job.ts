/** `compress` jobs: the recipe of `src/trainer/compress`, with a job's data, target and budget. */
import { join } from 'node:path';
import { decodeRgb } from '../../core/codec/decode.ts';
import { createOnnxEngine } from '../../core/engine/onnx/onnx-engine.ts';
import { processorTime } from '../../core/measure/latency.ts';
import { loadModel, type StoredModel } from '../../core/models/load.ts';
import type { Budget as CompressBudget } from '../../trainer/compress/budget.ts';
import type { PictureSize } from '../../trainer/compress/compress-settings.ts';
import type { CompressEvent } from '../../trainer/compress/progress.ts';
import { compressModel } from '../../trainer/compress/recipe.ts';
import type { TrainingBudget } from '../../trainer/compress/training-budget.ts';
import { degradationOf } from '../../trainer/presets/recipes.ts';
import { type PreparedData, prepareData } from '../data/prepare-data.ts';
import { decideOnce } from '../json-file.ts';
import type { Target } from '../queue/job.ts';
import { type JobOutput, type JobSpec, PLAIN_LATENCY } from '../queue/job-spec.ts';
import type { JobReporter } from './child-channel.ts';
import { compressEffort, tuneLikeRecipe } from './compress-effort.ts';
import { measureLatency } from './measure-latency.ts';
import { planSteps } from './plan-steps.ts';
import { type RecipeContext, smallestSide } from './train-job.ts';

/** The gate measures again, and no two measurements agree: aiming at the target itself would miss it half the time. */
const AIM = 0.95;

interface CompressPlan {
  readonly budget: CompressBudget;
  readonly effort: TrainingBudget;
}

async function latencyBudget(base: StoredModel, target: Exclude<Target, { macs: number }>, spec: JobSpec) {
  const { latencyThreads: threads, provider } = spec;
  if ('latencyMs' in target) {
    const { latencyMs, width, height, percentile } = target;
    return { ms: latencyMs, width, height, percentile, threads };
  }
  const engine = createOnnxEngine({ provider, threads });
  const [full] = await measureLatency(engine, [base], { latency: PLAIN_LATENCY, threads, provider });
  return { ms: target.ratio * full.percentileMs, ...PLAIN_LATENCY, threads };
}

async function toBudget(base: StoredModel, { spec, report }: RecipeContext): Promise<CompressBudget> {
  const target = spec.request.target as Target;
  if ('macs' in target) return { kind: 'macs', macs: target.macs };
  const { ms, ...rest } = await latencyBudget(base, target, spec);
  const { width, height } = rest;
  report.event({ type: 'latency', data: { kind: 'target', model: spec.name, ms, width, height } });
  return { kind: 'latency', latencyMs: AIM * ms, ...rest };
}

/** Decided once: a resumed job keeps it. */
function planCompression(base: StoredModel, data: PreparedData, context: RecipeContext): Promise<CompressPlan> {
  const { work, spec, report } = context;
  return decideOnce(join(work, 'compress.json'), report.warn, async () => {
    const { budget } = spec.request;
    const network = base.manifest.spec;
    const isTimed = typeof budget === 'object' && 'minutes' in budget;
    const trainer = {
      engine: createOnnxEngine({ threads: spec.threads }),
      provider: spec.provider,
      workers: spec.threads,
    };
    const recipe = { ...tuneLikeRecipe(network), degradation: degradationOf(network) };
    const { warn } = report;
    const plan = isTimed
      ? await planSteps({ work, budget, recipe, photographs: data.train, trainer, warn })
      : undefined;
    return { budget: await toBudget(base, context), effort: compressEffort(budget, network, plan?.steps) };
  });
}

/** The picture whose latency counts. */
function pictureOf(budget: CompressBudget): PictureSize {
  const { width, height } = budget.kind === 'latency' ? budget : PLAIN_LATENCY;
  return { width, height };
}

/** Reports the recipe's events to the server. */
function reportCompression(
  report: JobReporter,
  name: string,
  { width, height }: PictureSize,
): (event: CompressEvent) => void {
  let last: { readonly psnrDb?: number; readonly predictedMs?: number; readonly measuredMs?: number } = {};
  const latency = (kind: 'predicted' | 'measured', ms: number) => {
    report.event({ type: 'latency', data: { kind, model: name, ms, width, height } });
  };
  const reportNews = ({ step, psnrDb, predictedMs, measuredMs }: Extract<CompressEvent, { type: 'step' }>): void => {
    if (psnrDb !== undefined && psnrDb !== last.psnrDb) report.event({ type: 'validation', data: { step, psnrDb } });
    if (predictedMs !== undefined && predictedMs !== last.predictedMs) latency('predicted', predictedMs);
    if (measuredMs !== undefined && measuredMs !== last.measuredMs) latency('measured', measuredMs);
    last = { psnrDb, predictedMs, measuredMs };
  };
  return (event) => {
    switch (event.type) {
      case 'stage':
        // What the recipe publishes lies in the job's own folder: the job is not done with that.
        if (event.stage !== 'publish') report.stage(event.stage);
        return;
      case 'step': {
        const { step, steps, loss } = event;
        report.step(step, steps, { loss });
        reportNews(event);
        return;
      }
      case 'data':
      case 'done':
        return;
    }
  };
}

export async function runCompressJob(context: RecipeContext): Promise<JobOutput> {
  const { spec, work, report, machine, now, signal } = context;
  const base = await loadModel(spec.modelDirectory as string);
  report.stage('data');
  const data = await prepareData({
    work,
    folders: spec.data.pairs,
    minSide: smallestSide(tuneLikeRecipe(base.manifest.spec)),
    onProgress: (step, steps) => report.step(step, steps),
    warn: report.warn,
  });
  const { budget, effort } = await planCompression(base, data, context);
  const picture = pictureOf(budget);
  const result = await compressModel({
    settings: {
      model: spec.modelDirectory as string,
      data: spec.data.pairs,
      out: join(work, 'compress'),
      resume: true,
      budget,
      effort,
      id: spec.name,
      machine,
      provider: spec.provider,
      workers: spec.threads,
      validationShare: data.validationShare,
      weights: base.manifest.weights.dtype,
      // Whether the model may serve is decided by the job's own gate.
      gate: false,
      at: picture,
      dataNote: `compress job ${spec.job}`,
    },
    decode: decodeRgb,
    now,
    clock: () => performance.now(),
    processorTime,
    signal,
    report: reportCompression(report, spec.name, picture),
    warn: report.warn,
  });
  for (const note of result.report.notes) report.note(`${spec.name} ${note}`);
  const recipe = { ...result.report, directory: undefined };
  return { modelDirectory: result.directory, validation: data.validation, recipe };
}
