/** From events to where a job stands: the journal is the truth, this is its summary. */

import type { JobEvent, JobEventType, ProgressData } from '../events/job-event.ts';
import type { JobMetrics, JobProgress, JobRequest, JobView, StageProgress } from './job.ts';
import type { JobFolder } from './job-folder.ts';

/** What is known of a job before its first event. */
export interface JobRecord {
  readonly id: string;
  readonly request: JobRequest;
  readonly createdAt: string;
  /** `Idempotency-Key` and a digest of the body that came with it. */
  readonly idempotency?: { readonly key: string; readonly bodyDigest: string };
}

const NO_METRICS: JobMetrics = {
  loss: null,
  dualLoss: null,
  learningRate: null,
  patchesPerSecond: null,
  psnrDb: null,
  predictedLatencyMs: null,
  measuredLatencyMs: null,
  targetLatencyMs: null,
};

const NO_PROGRESS: JobProgress = { stage: null, stages: [], step: 0, steps: 0, ratio: 0, etaSeconds: null };

function startView({ id, request, createdAt }: JobRecord): JobView {
  return {
    id,
    type: request.type,
    state: 'queued',
    request,
    createdAt,
    startedAt: null,
    finishedAt: null,
    attempts: 0,
    progress: NO_PROGRESS,
    metrics: NO_METRICS,
    result: null,
    error: null,
    lastSeq: 0,
  };
}

/** Stages before `index` are done, that one runs. */
function enterStage(view: JobView, event: Extract<JobEvent, { type: 'stage' }>, begun: number): JobProgress {
  const { stage, index, steps } = event.data;
  const seconds = (Date.parse(event.time) - begun) / 1000;
  const stages = view.progress.stages.map((entry, i): StageProgress => {
    if (i < index)
      return entry.state === 'running' ? { ...entry, state: 'done', seconds } : { ...entry, state: 'done' };
    return i === index ? { ...entry, state: 'running' } : entry;
  });
  return { ...view.progress, stage, stages, step: 0, steps, etaSeconds: null };
}

function learn(metrics: JobMetrics, data: ProgressData): JobMetrics {
  const { loss, dualLoss, learningRate, patchesPerSecond } = metrics;
  return {
    ...metrics,
    loss: data.loss ?? loss,
    dualLoss: data.dualLoss ?? dualLoss,
    learningRate: data.learningRate ?? learningRate,
    patchesPerSecond: data.patchesPerSecond ?? patchesPerSecond,
  };
}

function finish(view: JobView, event: JobEvent): JobView {
  const progress = { ...view.progress, etaSeconds: null };
  const ended = { ...view, progress, finishedAt: event.time };
  if (event.type === 'succeeded') {
    const stages = progress.stages.map((entry): StageProgress => ({ ...entry, state: 'done' }));
    return { ...ended, state: 'succeeded', result: event.data.result, progress: { ...progress, stages, ratio: 1 } };
  }
  if (event.type === 'failed') return { ...ended, state: 'failed', error: event.data };
  return { ...ended, state: 'cancelled' };
}

function latencyMetrics(metrics: JobMetrics, { kind, ms }: Extract<JobEvent, { type: 'latency' }>['data']): JobMetrics {
  if (kind === 'target') return { ...metrics, targetLatencyMs: ms };
  return kind === 'predicted' ? { ...metrics, predictedLatencyMs: ms } : { ...metrics, measuredLatencyMs: ms };
}

function reduce(view: JobView, event: JobEvent, stageBegun: number): JobView {
  switch (event.type) {
    case 'started': {
      const stages = event.data.stages.map((name): StageProgress => ({ name, state: 'waiting', seconds: null }));
      const progress = { ...view.progress, stages };
      return { ...view, state: 'running', startedAt: event.time, attempts: event.data.attempt, progress };
    }
    case 'resumed':
      return { ...view, state: 'running', attempts: event.data.attempt };
    case 'interrupted':
      return { ...view, state: 'queued', progress: { ...view.progress, etaSeconds: null } };
    case 'paused':
      return { ...view, state: 'paused', progress: { ...view.progress, etaSeconds: null } };
    case 'continued':
      return { ...view, state: 'running' };
    case 'stage':
      return { ...view, progress: enterStage(view, event, stageBegun) };
    case 'progress': {
      const { stage, step, steps, ratio, etaSeconds } = event.data;
      const progress = { ...view.progress, stage, step, steps, ratio, etaSeconds };
      return { ...view, progress, metrics: learn(view.metrics, event.data) };
    }
    case 'validation':
      return { ...view, metrics: { ...view.metrics, psnrDb: event.data.psnrDb } };
    case 'latency':
      return { ...view, metrics: latencyMetrics(view.metrics, event.data) };
    case 'succeeded':
    case 'failed':
    case 'cancelled':
      return finish(view, event);
    case 'queued':
    case 'note':
    case 'verdict':
    case 'published':
    case 'activated':
      return view;
  }
}

/** One job of the store: its request, its folder, and where it stands now. */
export class JobEntry {
  readonly record: JobRecord;
  readonly folder: JobFolder;
  readonly #seen = new Set<JobEventType>();
  #view: JobView;
  #stageBegun = 0;
  #firstEventId = 0;

  constructor(record: JobRecord, folder: JobFolder, events: readonly JobEvent[] = []) {
    this.record = record;
    this.folder = folder;
    this.#view = startView(record);
    for (const event of events) this.apply(event);
  }

  /** A new object after each event. */
  get view(): JobView {
    return this.#view;
  }

  /** Rises from job to job, also over restarts. */
  get firstEventId(): number {
    return this.#firstEventId;
  }

  /** Whether such an event has happened. */
  has(type: JobEventType): boolean {
    return this.#seen.has(type);
  }

  apply(event: JobEvent): void {
    this.#view = { ...reduce(this.#view, event, this.#stageBegun), lastSeq: event.seq };
    this.#seen.add(event.type);
    this.#firstEventId ||= event.id;
    if (event.type === 'stage') this.#stageBegun = Date.parse(event.time);
  }
}
