/** One job from its place in the queue to its end: the list of its steps, each of which can be repeated after a kill. */
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DualscaleError } from '../../core/errors.ts';
import { modelDirectory } from '../../core/models/load.ts';
import type { ModelManifest } from '../../core/models/manifest.ts';
import type { JobEventBody } from '../events/job-event.ts';
import type { ResolvedJobsOptions } from '../jobs-options.ts';
import type { Activator } from '../rollout/activator.ts';
import { decide } from '../rollout/gate.ts';
import type { JobReport, Verdict } from '../rollout/judgement.ts';
import { publishResult } from '../rollout/publish-result.ts';
import type { Serving } from '../rollout/serving.ts';
import type { JobResult } from './job.ts';
import { readJson, replaceJson } from './job-folder.ts';
import type { JobEntry } from './job-store.ts';
import {
  type DataFolders,
  type Judgements,
  type JudgeOrder,
  judgementsPath,
  judgeOrderPath,
  type Outcome,
  PLAIN_LATENCY,
  type WorkOrder,
} from './work-order.ts';

export interface StageParts {
  readonly options: ResolvedJobsOptions;
  readonly serving: Serving;
  readonly activator: Activator;
  /** Folders of photographs that a job may read now. Throws DS_BAD_DATA when one is gone. */
  readonly openData: (entry: JobEntry) => Promise<DataFolders>;
  readonly machine: string;
  readonly now: () => number;
}

/** Reads again what was decided before a kill, or decides it. */
async function once<Value>(path: string, make: () => Value | Promise<Value>): Promise<Value> {
  const known = readJson<Value>(path);
  if (known !== undefined) return known;
  const value = await make();
  replaceJson(path, value);
  return value;
}

export function resultName({ record: { id, request } }: JobEntry): string {
  // Models of jobs end with six characters already: those are replaced, or names would grow with every job.
  const base = request.model.replace(/-j[a-z0-9]{6}$/, '').slice(0, 56);
  return request.name ?? `${base.replace(/-+$/, '')}-j${id.slice(-6)}`;
}

/** The model is copied: whatever is published meanwhile, a resumed job goes on with what it began with. */
function copyModel({ folder, record }: JobEntry, { options: { modelsDir } }: StageParts): string {
  const { model } = record.request;
  const base = join(folder.work, 'base');
  if (!existsSync(base)) {
    const source = modelDirectory(modelsDir, model);
    if (!existsSync(source)) throw new DualscaleError('DS_MODEL_NOT_FOUND', `there is no model \`${model}\` any more`);
    rmSync(`${base}.copy`, { recursive: true, force: true });
    cpSync(source, join(`${base}.copy`, model), { recursive: true });
    renameSync(`${base}.copy`, base);
  }
  return join(base, model);
}

export async function writeOrder(entry: JobEntry, parts: StageParts): Promise<void> {
  const { folder, record } = entry;
  const { threads, threadsPerPicture: latencyThreads, provider, nice, memoryMegabytes } = parts.options;
  mkdirSync(folder.work, { recursive: true });
  await once(folder.order, async (): Promise<WorkOrder> => {
    const { request } = record;
    return {
      job: record.id,
      request,
      name: resultName(entry),
      threads,
      latencyThreads,
      provider,
      nice,
      memoryMegabytes,
      modelDirectory: request.type === 'train' ? undefined : copyModel(entry, parts),
      data: await parts.openData(entry),
    };
  });
}

export const outcomeOf = ({ folder }: JobEntry): Outcome | undefined => readJson<Outcome>(folder.outcome);
export const judgementsOf = ({ folder }: JobEntry): Judgements | undefined =>
  readJson<Judgements>(judgementsPath(folder.work));

/** A blind model serves beside the plain one of its scale, not in its place. */
function isPairedBlindModel({ scale, degradation }: ModelManifest, serving: Serving): boolean {
  return degradation === 'blind' && serving.servedBy(scale)?.degradation === 'bicubic';
}

/** What a result is compared with: the model that serves its scale; in the case of a paired blind model the model it was made of. */
function rivalOf(made: ModelManifest, serving: Serving, base: string): ModelManifest | undefined {
  return isPairedBlindModel(made, serving)
    ? serving.models.find(({ id }) => id === base)
    : serving.servedBy(made.scale);
}

export function writeJudgeOrder(entry: JobEntry, outcome: Outcome, { options, serving }: StageParts): void {
  const { record, folder } = entry;
  const { target, model, type } = record.request;
  const order = readJson<WorkOrder>(folder.order) as WorkOrder;
  const made = readJson<ModelManifest>(join(outcome.modelDirectory, 'manifest.json'));
  const active = made && rivalOf(made, serving, model);
  const { modelsDir, threadsPerPicture, provider } = options;
  const isBaseActive = type === 'train' || active?.id === model;
  const judgeOrder: JudgeOrder = {
    candidate: outcome.modelDirectory,
    validation: outcome.validation,
    threads: threadsPerPicture,
    provider,
    active: active ? modelDirectory(modelsDir, active.id) : undefined,
    base: isBaseActive || order.modelDirectory === undefined ? undefined : order.modelDirectory,
    latency: target && 'latencyMs' in target ? { ...PLAIN_LATENCY, ...pick(target) } : PLAIN_LATENCY,
  };
  replaceJson(judgeOrderPath(folder.work), judgeOrder);
}

const pick = ({ width, height, percentile = PLAIN_LATENCY.percentile }: JudgeOrder['latency']) => ({
  width,
  height,
  percentile,
});

async function makeReport(entry: JobEntry, outcome: Outcome, { machine, now }: StageParts): Promise<JobReport> {
  const judgements = judgementsOf(entry) as Judgements;
  const { verdict, checks } = decide(entry.record.request, judgements);
  const { candidate, active } = judgements;
  return {
    job: entry.record.id,
    model: verdict === 'passed' ? candidate.modelId : null,
    verdict,
    checks,
    candidate,
    active,
    recipe: outcome.recipe,
    machine,
    finishedAt: new Date(now()).toISOString(),
  };
}

/** Gate, publication, activation. Every step tells of itself once. */
export async function settle(
  entry: JobEntry,
  outcome: Outcome,
  parts: StageParts,
  emit: (body: JobEventBody) => void,
): Promise<void> {
  const { record, folder, has } = entry;
  const { activator, serving, options, machine, now } = parts;
  const report = await once(folder.report, () => makeReport(entry, outcome, parts));
  const { verdict, checks, candidate } = report;
  const { medianMs: ms, width, height } = candidate.latency;
  if (!has('verdict')) {
    emit({ type: 'latency', data: { kind: 'measured', model: candidate.modelId, ms, width, height } });
    emit({ type: 'verdict', data: { verdict, checks } });
  }
  const isGood: Record<Verdict, boolean> = { passed: true, refused: false };
  if (isGood[verdict]) {
    const { modelsDir, provider } = options;
    const { modelDirectory: directory } = outcome;
    const { latency } = candidate;
    await publishResult({ modelsDir, job: record.id, modelDirectory: directory, latency, provider, machine, now });
    await serving.reload();
    if (!has('published')) emit({ type: 'published', data: { modelId: candidate.modelId } });
  }
  const published = serving.models.find(({ id }) => id === candidate.modelId);
  const isAlone = published === undefined || !isPairedBlindModel(published, serving);
  const isAuto = isGood[verdict] && record.request.publish === 'auto' && isAlone;
  if (isAuto && !activator.wasActivatedBy(record.id)) {
    await activator.activate(candidate.modelId, { reason: 'job', job: record.id, detail: '' });
  }
  const result: JobResult = { modelId: report.model, verdict, checks, published: isGood[verdict], activated: isAuto };
  emit({ type: 'succeeded', data: { result } });
}
