/** Routes of jobs: asked for, listed, cancelled, their log and report. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../core/models/digest.ts';
import type { ModelManifest } from '../../core/models/manifest.ts';
import { PRESETS } from '../../trainer/presets/presets.ts';
import { resolveFolder } from '../data/data-folders.ts';
import { requireFreeBytes } from '../data/disk-space.ts';
import { isFinished, JOB_STATES, type JobRequest } from '../queue/job.ts';
import { readJson } from '../queue/job-folder.ts';
import type { JobEntry } from '../queue/job-store.ts';
import { readLogTail } from '../queue/process-log.ts';
import { resultName } from '../queue/run-stages.ts';
import type { JobReport } from '../rollout/judgement.ts';
import type { ApiParts } from './api-parts.ts';
import { FieldProblem, problem } from './api-problem.ts';
import { parseJobRequest } from './parse-job.ts';
import { type ApiRequest, queryInteger, type Route, readJsonBody, sendJson } from './router.ts';

const MAX_LOG_BYTES = 1 << 18;

/** Throws DS_NOT_FOUND. */
export function requireJob({ store }: Pick<ApiParts, 'store'>, id: string): JobEntry {
  const entry = store.get(id);
  if (!entry) throw problem('DS_NOT_FOUND', 'There is no such job.');
  return entry;
}

function describeJob({ record: { id }, view }: JobEntry, { options, runner }: ApiParts) {
  const self = `${options.mountPath}/jobs/${id}`;
  const links = {
    self,
    events: `${self}/events`,
    log: `${self}/log`,
    report: `${self}/report`,
    cancel: `${self}/cancel`,
  };
  return { ...view, queuePosition: runner.position(id), links };
}

async function findWrongSources({ data }: JobRequest, { options, uploads, traffic }: ApiParts) {
  const errors: { pointer: string; detail: string }[] = [];
  for (const [i, folder] of (data.folders ?? []).entries()) {
    await resolveFolder(options.dataRoots, folder).catch(() => {
      const names = Object.keys(options.dataRoots).join(', ') || 'none';
      errors.push({ pointer: `#/data/folders/${i}`, detail: `expected a folder below an allowed root (${names})` });
    });
  }
  for (const [i, id] of (data.uploads ?? []).entries()) {
    if (!uploads.get(id)) errors.push({ pointer: `#/data/uploads/${i}`, detail: 'expected the id of an upload' });
  }
  if (data.traffic && !traffic)
    errors.push({ pointer: '#/data/traffic', detail: 'the traffic sampler is not turned on' });
  return errors;
}

function findWrongModel({ type, model, name, target }: JobRequest, { serving, store }: ApiParts) {
  const isPreset = type === 'train';
  const known: readonly { id: string }[] = isPreset ? PRESETS : serving.models;
  if (!known.some(({ id }) => id === model)) {
    const what = isPreset ? 'a preset' : 'a model';
    return [{ pointer: '#/model', detail: `expected ${what}, one of ${known.map(({ id }) => id).join(', ')}` }];
  }
  const manifest = serving.models.find(({ id }) => id === model) as ModelManifest | undefined;
  if (target && 'macs' in target && manifest && target.macs >= manifest.macs.for1280x720) {
    return [{ pointer: '#/target/macs', detail: `expected less than the ${manifest.macs.for1280x720} of ${model}` }];
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
  throw problem('DS_BAD_REQUEST', 'Expected `Idempotency-Key` to be 1 to 200 printable characters without spaces.');
}

/** The job that came of the same key and body before. Throws FieldProblem when the body was another one. */
function findRepeated({ store }: ApiParts, key: string | undefined, bodyDigest: string): JobEntry | undefined {
  const known = key === undefined ? undefined : store.findByKey(key);
  if (!known || known.record.idempotency?.bodyDigest === bodyDigest) return known;
  const detail = 'Idempotency-Key: expected the body that came with this key before';
  throw new FieldProblem([{ pointer: '#', detail }]);
}

/** What other requests may change: to be asked again when nothing is awaited any more before the job is made. */
function requireRoom(request: JobRequest, parts: ApiParts): void {
  const { runner, options } = parts;
  const errors = findWrongModel(request, parts);
  if (errors.length > 0) throw new FieldProblem(errors);
  if (runner.isClosing) throw problem('DS_CLOSING', 'It begins no jobs any more.');
  if (runner.waitingCount < options.queueLimit) return;
  throw problem('DS_TOO_MANY', `${options.queueLimit} jobs wait already.`);
}

async function createJob({ req, res }: ApiRequest, parts: ApiParts): Promise<void> {
  const { store, runner, options } = parts;
  const key = idempotencyKey(req);
  const { value } = await readJsonBody(req);
  const answer = (entry: JobEntry) => {
    const job = describeJob(entry, parts);
    sendJson(res, 202, job, { Location: job.links.self });
  };
  const bodyDigest = createHash('sha256').update(canonicalJson(value)).digest('hex');
  const known = findRepeated(parts, key, bodyDigest);
  if (known) return answer(known);
  const request = parseJobRequest(value);
  const errors = [...findWrongModel(request, parts), ...(await findWrongSources(request, parts))];
  if (errors.length > 0) throw new FieldProblem(errors);
  requireRoom(request, parts);
  await requireFreeBytes(options.dir, options.minFreeBytes);
  const meanwhile = findRepeated(parts, key, bodyDigest);
  if (meanwhile) return answer(meanwhile);
  requireRoom(request, parts);
  const entry = store.create(request, key === undefined ? undefined : { key, bodyDigest });
  runner.wake();
  answer(store.get(entry.record.id) as JobEntry);
}

function listJobs({ res, query }: ApiRequest, parts: ApiParts): void {
  const state = query.get('state');
  if (state !== null && !JOB_STATES.some((known) => known === state)) {
    throw problem('DS_BAD_REQUEST', `Expected \`state\` to be one of ${JOB_STATES.join(', ')}.`);
  }
  const limit = queryInteger(query, 'limit', [1, 200]) ?? 50;
  const cursor = query.get('cursor');
  const jobs = parts.store.list().filter(({ view }) => state === null || view.state === state);
  const from = cursor === null ? 0 : jobs.findIndex(({ record }) => record.id === cursor);
  if (from < 0) throw problem('DS_BAD_REQUEST', 'Expected `cursor` to be the `next` of a page before.');
  const page = jobs.slice(from, from + limit).map((entry) => describeJob(entry, parts));
  sendJson(res, 200, { jobs: page, next: jobs[from + limit]?.record.id ?? null });
}

function sendLog({ res, params }: ApiRequest, parts: ApiParts): void {
  const body = readLogTail(requireJob(parts, params['id']).folder.log, MAX_LOG_BYTES);
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };
  res.writeHead(200, { ...headers, 'Content-Length': body.length, 'Cache-Control': 'no-store' }).end(body);
}

function sendReport({ res, params }: ApiRequest, parts: ApiParts): void {
  const report = readJson<JobReport>(requireJob(parts, params['id']).folder.report);
  if (!report) throw problem('DS_NOT_FOUND', 'There is no report yet.');
  sendJson(res, 200, report);
}

async function cancelJob({ res, params }: ApiRequest, parts: ApiParts): Promise<void> {
  const entry = requireJob(parts, params['id']);
  if (!isFinished(entry.view)) await parts.runner.cancel(entry.record.id);
  sendJson(res, 202, describeJob(requireJob(parts, entry.record.id), parts));
}

export function jobRoutes(parts: ApiParts): Route[] {
  const one = (request: ApiRequest) =>
    sendJson(request.res, 200, describeJob(requireJob(parts, request.params['id']), parts));
  return [
    { method: 'GET', path: '/jobs', handle: (request) => listJobs(request, parts) },
    { method: 'POST', path: '/jobs', handle: (request) => createJob(request, parts) },
    { method: 'GET', path: '/jobs/{id}', handle: one },
    { method: 'POST', path: '/jobs/{id}/cancel', handle: (request) => cancelJob(request, parts) },
    { method: 'GET', path: '/jobs/{id}/log', handle: (request) => sendLog(request, parts) },
    { method: 'GET', path: '/jobs/{id}/report', handle: (request) => sendReport(request, parts) },
  ];
}
