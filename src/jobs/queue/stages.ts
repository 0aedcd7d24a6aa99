/** The stages of a job and what the server does in them. Each can be repeated after a kill. */
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DualscaleError } from '../../core/errors.ts';
import { modelDirectory } from '../../core/models/load.ts';
import type { ModelManifest } from '../../core/models/manifest.ts';
import type { Serving } from '../../core/upscale/serving.ts';
import type { DataFolders } from '../data/open-data.ts';
import type { JobEventBody } from '../events/job-event.ts';
import type { ResolvedJobsOptions } from '../jobs-options.ts';
import { decideOnce, exists, readJson, readJsonOrWarn, writeJson } from '../json-file.ts';
import type { Activator } from '../rollout/activator.ts';
import type { Evaluations, JobReport } from '../rollout/evaluation.ts';
import { gate } from '../rollout/gate.ts';
import { publishResult } from '../rollout/publish-result.ts';
import type { JobResult, JobType } from './job.ts';
import type { JobEntry } from './job-entry.ts';
import { type EvaluationSpec, type JobOutput, type JobSpec, PLAIN_LATENCY } from './job-spec.ts';

const TRAINING = { data: 0.02, plan: 0.02, train: 0.91, evaluate: 0.04, publish: 0.01 };

/** Stages of each type of job in order, with the share of the time each takes: for progress and time left. */
export const STAGES: Readonly<Record<JobType, Readonly<Record<string, number>>>> = {
  train: TRAINING,
  finetune: TRAINING,
  compress: {
    data: 0.01,
    plan: 0.04,
    duals: 0.03,
    search: 0.2,
    fit: 0.04,
    prune: 0.06,
    'fine-tune': 0.54,
    measure: 0.03,
    evaluate: 0.04,
    publish: 0.01,
  },
};

export interface StageContext {
  readonly options: ResolvedJobsOptions;
  readonly serving: Serving;
  readonly activator: Activator;
  /** Folders of photographs that a job may read now. Throws DS_BAD_DATA when one is gone. */
  readonly openData: (entry: JobEntry) => Promise<DataFolders>;
  readonly machine: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function resultName({ record: { id, request } }: JobEntry): string {
  // Models of jobs end with six characters already: those are replaced, or names would grow with every job.
  const base = request.model.replace(/-j[a-z0-9]{6}$/, '').slice(0, 56);
  return request.name ?? `${base.replace(/-+$/, '')}-j${id.slice(-6)}`;
}

/** The model is copied: whatever is published meanwhile, a resumed job continues with what it began with. */
async function copyModel({ folder, record }: JobEntry, modelsDir: string): Promise<string> {
  const { model } = record.request;
  const base = join(folder.work, 'base');
  if (!(await exists(base))) {
    const source = modelDirectory(modelsDir, model);
    if (!(await exists(source))) throw new DualscaleError('DS_MODEL_NOT_FOUND', `the model \`${model}\` is gone`);
    await rm(`${base}.copy`, { recursive: true, force: true });
    await cp(source, join(`${base}.copy`, model), { recursive: true });
    await rename(`${base}.copy`, base);
  }
  return join(base, model);
}

/** What the job process reads. */
export async function writeJobSpec(entry: JobEntry, { options, openData }: StageContext): Promise<void> {
  const { id, request } = entry.record;
  const { modelsDir, threads, threadsPerPicture, provider, nice, memoryMegabytes, logger } = options;
  await mkdir(entry.folder.work, { recursive: true });
  await decideOnce<JobSpec>(entry.folder.spec, logger.warn, async () => ({
    job: id,
    request,
    name: resultName(entry),
    modelDirectory: request.type === 'train' ? undefined : await copyModel(entry, modelsDir),
    data: await openData(entry),
    threads,
    latencyThreads: threadsPerPicture,
    provider,
    nice,
    memoryMegabytes,
  }));
}

/** Undefined until the model is made. */
export const readOutput = ({ folder }: JobEntry, { options }: Pick<StageContext, 'options'>) =>
  readJsonOrWarn<JobOutput>(folder.output, options.logger.warn);

/** Undefined until the model is evaluated. */
export const readEvaluations = ({ folder }: JobEntry, { options }: Pick<StageContext, 'options'>) =>
  readJsonOrWarn<Evaluations>(folder.evaluations, options.logger.warn);

/** A blind model serves beside the plain one of its scale, not in its place. */
function isPairedBlindModel({ scale, degradation }: ModelManifest, serving: Serving): boolean {
  return degradation === 'blind' && serving.servedBy(scale)?.degradation === 'bicubic';
}

/** What a result is compared with: the model that serves its scale, or for a paired blind model the one it was made of. */
function rivalOf(made: ModelManifest, serving: Serving, base: string): ModelManifest | undefined {
  return isPairedBlindModel(made, serving)
    ? serving.models.find(({ id }) => id === base)
    : serving.servedBy(made.scale);
}

/** What the evaluation process reads. */
export async function writeEvaluationSpec(
  { record, folder }: JobEntry,
  { modelDirectory: candidate, validation }: JobOutput,
  { options, serving }: StageContext,
): Promise<void> {
  const { target, model, type } = record.request;
  const { modelsDir, threadsPerPicture: threads, provider } = options;
  const base = (await readJson<JobSpec>(folder.spec))?.modelDirectory;
  const made = await readJson<ModelManifest>(join(candidate, 'manifest.json'));
  const active = made && rivalOf(made, serving, model);
  const isBaseActive = type === 'train' || active?.id === model;
  const { width, height, percentile } = target && 'latencyMs' in target ? target : PLAIN_LATENCY;
  const spec: EvaluationSpec = {
    candidate,
    active: active && modelDirectory(modelsDir, active.id),
    base: isBaseActive ? undefined : base,
    validation,
    latency: { width, height, percentile },
    threads,
    provider,
  };
  await writeJson(folder.evaluationSpec, spec);
}

/** The gate's decision, made once. */
async function decideReport(entry: JobEntry, output: JobOutput, context: StageContext): Promise<JobReport> {
  const { options, machine, now } = context;
  return decideOnce<JobReport>(entry.folder.report, options.logger.warn, async () => {
    const evaluations = (await readEvaluations(entry, context)) as Evaluations;
    const { verdict, checks } = gate(entry.record.request, evaluations);
    const { candidate, active } = evaluations;
    return {
      job: entry.record.id,
      model: verdict === 'passed' ? candidate.modelId : null,
      verdict,
      checks,
      candidate,
      active,
      recipe: output.recipe,
      machine,
      finishedAt: new Date(now()).toISOString(),
    };
  });
}

/** Gate, publication, activation. Each step is reported by one event, however often it is repeated. */
export async function rollOut(
  entry: JobEntry,
  output: JobOutput,
  context: StageContext,
  emit: (body: JobEventBody) => Promise<void>,
): Promise<JobResult> {
  const { id: job, request } = entry.record;
  const { activator, serving, options, machine, now } = context;
  const { verdict, checks, candidate } = await decideReport(entry, output, context);
  const { modelId, latency } = candidate;
  if (!entry.has('verdict')) {
    const { medianMs: ms, width, height } = latency;
    await emit({ type: 'latency', data: { kind: 'measured', model: modelId, ms, width, height } });
    await emit({ type: 'verdict', data: { verdict, checks } });
  }
  if (verdict === 'refused') return { modelId: null, verdict, checks, published: false, activated: false };

  const { modelsDir, provider } = options;
  await publishResult({ modelsDir, job, modelDirectory: output.modelDirectory, latency, provider, machine, now });
  await serving.reload();
  if (!entry.has('published')) await emit({ type: 'published', data: { modelId } });

  const manifest = serving.models.find(({ id }) => id === modelId);
  const isPaired = manifest !== undefined && isPairedBlindModel(manifest, serving);
  const activated = request.publish === 'auto' && !isPaired;
  if (activated && !activator.wasActivatedBy(job))
    await activator.activate(modelId, { reason: 'job', job, detail: '' });
  return { modelId, verdict, checks, published: true, activated };
}
