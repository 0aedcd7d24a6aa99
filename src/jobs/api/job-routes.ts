/** Routes of jobs: requested, listed, cancelled, with their events, log and report. */

import { createHash } from 'node:crypto';
import { publicError } from '../../core/errors.ts';
import { canonicalJson } from '../../core/models/digest.ts';
import { createMutex } from '../../core/mutex.ts';
import type { Serving } from '../../core/upscale/serving.ts';
import { PRESETS } from '../../trainer/presets/presets.ts';
import { resolveFolder } from '../data/data-folders.ts';
import { requireFreeBytes } from '../data/disk-space.ts';
import type { TrafficSampler } from '../data/traffic.ts';
import type { Uploads } from '../data/uploads.ts';
import type { EventLog } from '../events/event-log.ts';
import type { ResolvedJobsOptions } from '../jobs-options.ts';
import { readJson } from '../json-file.ts';
import { isFinished, JOB_STATES, type JobRequest } from '../queue/job.ts';
import type { JobEntry } from '../queue/job-entry.ts';
import type { JobStore } from '../queue/job-store.ts';
import { readLogTail } from '../queue/process-log.ts';
import type { JobQueue } from '../queue/queue.ts';
import { resultName } from '../queue/stages.ts';
import type { JobReport } from '../rollout/evaluation.ts';
import { type FieldError, FieldProblem } from './api-problem.ts';
import { parseJobRequest } from './parse-job.ts';
import { type ApiRequest, queryInteger, type Route, readJsonBody, sendJson } from './router.ts';

export interface JobRoutesContext {
  readonly options: ResolvedJobsOptions;
  readonly store: JobStore;
  readonly queue: JobQueue;
  readonly log: EventLog;
  readonly serving: Serving;
  readonly uploads: Uploads;
  readonly traffic: TrafficSampler | undefined;
}

const MAX_LOG_BYTES = 1 << 18;

/** Throws DS_NOT_FOUND. */
function requireJob({ params }: ApiRequest, { store }: JobRoutesContext): JobEntry {
  const entry = store.get(params['id']);
  if (!entry) throw publicError('DS_NOT_FOUND', 'There is no such job.');
  return entry;
}

function describeJob({ record: { id }, view }: JobEntry, { options, queue }: JobRoutesContext) {
  const self = `${options.mountPath}/jobs/${id}`;
  const links = {
    self,
    events: `${self}/events`,
    log: `${self}/log`,
    report: `${self}/report`,
    cancel: `${self}/cancel`,
  };
  return { ...view, queuePosition: queue.position(id), links };
}

async function findWrongSources(
  { data: { folders = [], uploads = [], traffic } }: JobRequest,
  context: JobRoutesContext,
): Promise<FieldError[]> {
  const { dataRoots } = context.options;
  const errors: FieldError[] = [];
  for (const [i, folder] of folders.entries()) {
    await resolveFolder(dataRoots, folder).catch(() => {
      const names = Object.keys(dataRoots).join(', ') || 'none';
      errors.push({ pointer: `#/data/folders/${i}`, detail: `expected a folder below an allowed root (${names})` });
    });
  }
  for (const [i, id] of uploads.entries()) {
    if (!(await context.uploads.get(id))) {
      errors.push({ pointer: `#/data/uploads/${i}`, detail: 'expected the id of an upload' });
    }
  }
  if (traffic && !context.traffic) {
    errors.push({ pointer: '#/data/traffic', detail: 'the traffic sampler is not turned on' });
  }
  return errors;
}

function findWrongModel({ type, model, name, target }: JobRequest, { serving, store }: JobRoutesContext): FieldError[] {
  const isPreset = type === 'train';
  const known: readonly { readonly id: string }[] = isPreset ? PRESETS : serving.models;
  if (!known.some(({ id }) => id === model)) {
    const what = isPreset ? 'a preset' : 'a model';
    return [{ pointer: '#/model', detail: `expected ${what}, one of ${known.map(({ id }) => id).join(', ')}` }];
  }
  const macs = serving.models.find(({ id }) => id === model)?.macs.for1280x720;
  if (target && 'macs' in target && macs !== undefined && target.macs >= macs) {
    return [{ pointer: '#/target/macs', detail: `expected less than the ${macs} of ${model}` }];
  }
  const pending = store.list().filter(({ view }) => !isFinished(view));
  const taken = [...serving.models.map(({ id }) => id), ...pending.map(resultName)];
  if (name !== undefined && taken.includes(name)) {
    return [{ pointer: '#/name', detail: 'expected an id that no model and no waiting job has' }];
  }
  return [];
}

function idempotencyKey({ headers }: ApiRequest['req']): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x21-\x7e]{1,200}$/.test(key)) return key;
  throw publicError('DS_BAD_REQUEST', 'Expected `Idempotency-Key` to be 1 to 200 printable characters without spaces.');
}

/** The job that came of the same key and body before. Throws FieldProblem when the body was another one. */
function findRepeated({ store }: JobRoutesContext, key: string | undefined, bodyDigest: string): JobEntry | undefined {
  const known = key === undefined ? undefined : store.findByKey(key);
  if (!known || known.record.idempotency?.bodyDigest === bodyDigest) return known;
  const detail = 'Idempotency-Key: expected the body that came with this key before';
  throw new FieldProblem([{ pointer: '#', detail }]);
}

/** What other requests may change: to be checked when no other job can be created before this one. */
function requireRoom(request: JobRequest, context: JobRoutesContext): void {
  const { queue, options } = context;
  const errors = findWrongModel(request, context);
  if (errors.length > 0) throw new FieldProblem(errors);
  if (queue.isClosing) throw publicError('DS_CLOSING', 'The server is shutting down and accepts no new jobs.');
  if (queue.waitingCount < options.queueLimit) return;
  throw publicError('DS_TOO_MANY', `The queue is full (${options.queueLimit} jobs).`);
}

/** Gives the handler of `POST /jobs`. */
function jobCreator(context: JobRoutesContext) {
  const { store, queue, options } = context;
  const exclusive = createMutex();
  return async ({ req, res }: ApiRequest): Promise<void> => {
    const key = idempotencyKey(req);
    const { value } = await readJsonBody(req);
    const bodyDigest = createHash('sha256').update(canonicalJson(value)).digest('hex');
    const create = async (): Promise<JobEntry> => {
      const request = parseJobRequest(value);
      const errors = [...findWrongModel(request, context), ...(await findWrongSources(request, context))];
      if (errors.length > 0) throw new FieldProblem(errors);
      requireRoom(request, context);
      await requireFreeBytes(options.dir, options.minFreeBytes);
      return exclusive(async () => {
        const repeated = findRepeated(context, key, bodyDigest);
        if (repeated) return repeated;
        requireRoom(request, context);
        return store.create(request, key === undefined ? undefined : { key, bodyDigest });
      });
    };
    const entry = findRepeated(context, key, bodyDigest) ?? (await create());
    queue.wake();
    const job = describeJob(entry, context);
    sendJson(res, 202, job, { Location: job.links.self });
  };
}

function listJobs({ res, query }: ApiRequest, context: JobRoutesContext): void {
  const state = query.get('state');
  if (state !== null && !JOB_STATES.some((known) => known === state)) {
    throw publicError('DS_BAD_REQUEST', `Expected \`state\` to be one of ${JOB_STATES.join(', ')}.`);
  }
  const limit = queryInteger(query, 'limit', [1, 200]) ?? 50;
  const cursor = query.get('cursor');
  const jobs = context.store.list().filter(({ view }) => state === null || view.state === state);
  const from = cursor === null ? 0 : jobs.findIndex(({ record }) => record.id === cursor);
  if (from < 0) throw publicError('DS_BAD_REQUEST', 'Expected `cursor` to be the `next` of an earlier page.');
  const page = jobs.slice(from, from + limit).map((entry) => describeJob(entry, context));
  sendJson(res, 200, { jobs: page, next: jobs[from + limit]?.record.id ?? null });
}

async function sendEvents({ res, query }: ApiRequest, { record: { id } }: JobEntry, log: EventLog): Promise<void> {
  const after = queryInteger(query, 'after', [0, Number.MAX_SAFE_INTEGER]) ?? 0;
  const limit = queryInteger(query, 'limit', [1, 1000]) ?? 500;
  const texts = await log.replay(id, after, limit);
  const events = texts.map((text) => JSON.parse(text) as { readonly seq: number });
  const lastSeq = log.lastSeq(id);
  const last = events.at(-1)?.seq ?? Math.min(after, lastSeq);
  sendJson(res, 200, { events, last, complete: last >= lastSeq });
}

async function sendLog({ res }: ApiRequest, { folder }: JobEntry): Promise<void> {
  const body = await readLogTail(folder.log, MAX_LOG_BYTES);
  res.writeHead(200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  });
  res.end(body);
}

async function sendReport({ res }: ApiRequest, { folder }: JobEntry): Promise<void> {
  const report = await readJson<JobReport>(folder.report);
  if (!report) throw publicError('DS_NOT_FOUND', 'There is no report yet.');
  sendJson(res, 200, report);
}

export function jobRoutes(context: JobRoutesContext): Route[] {
  /** A route of one job. */
  const one = (
    method: Route['method'],
    path: string,
    handle: (request: ApiRequest, entry: JobEntry) => Promise<void> | void,
  ): Route => ({ method, path, handle: (request) => handle(request, requireJob(request, context)) });
  return [
    { method: 'GET', path: '/jobs', handle: (request) => listJobs(request, context) },
    { method: 'POST', path: '/jobs', handle: jobCreator(context) },
    one('GET', '/jobs/{id}', ({ res }, entry) => sendJson(res, 200, describeJob(entry, context))),
    one('POST', '/jobs/{id}/cancel', async ({ res }, entry) => {
      if (!isFinished(entry.view)) await context.queue.cancel(entry);
      sendJson(res, 202, describeJob(entry, context));
    }),
    one('GET', '/jobs/{id}/events', (request, entry) => sendEvents(request, entry, context.log)),
    one('GET', '/jobs/{id}/log', sendLog),
    one('GET', '/jobs/{id}/report', sendReport),
  ];
}
