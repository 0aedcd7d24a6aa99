/** What the page knows of the server: fetched at the start and after breaks, kept up by events in between. */
/** @import { JobEvent } from '../../jobs/events/job-event.ts' */
/** @import { Job, ModelList, Status } from '../api-types.ts' */
/** @import { Api } from './api.js' */
/** @import { Live } from './live.js' */
/** @import { Topic } from './topic.js' */
import { createTopic } from './topic.js';

/** @typedef {'jobs' | 'models' | 'status'} Changed */

/**
 * @typedef {object} Known
 * @property {() => Job[]} jobs Latest first.
 * @property {(id: string) => Job | undefined} job
 * @property {() => ModelList | undefined} models
 * @property {() => Status | undefined} status
 * @property {(job: Job) => void} putJob
 * @property {(list: ModelList) => void} putModels
 * @property {(status: Status) => void} putStatus
 * @property {Topic<Changed>} changes
 *
 * @typedef {Known & { fetchJob: (id: string) => Promise<Job>, start: () => Promise<void> }} Store `start` rejects when the first answers do not come.
 */

const STATUS_MS = 5000;
const MAX_JOBS = 200;
/** Events of one job come in bursts; one look at it afterwards is enough. */
const SETTLE_MS = 120;

/** @param {Job} job @param {Extract<JobEvent, { type: 'progress' }>} event @returns {Job} */
function withProgress(job, { seq, data }) {
  const { stage, step, steps, ratio, etaSeconds } = data;
  const { loss, dualLoss, learningRate, patchesPerSecond } = { ...job.metrics, ...data };
  return {
    ...job,
    lastSeq: seq,
    progress: { ...job.progress, stage, step, steps, ratio, etaSeconds },
    metrics: { ...job.metrics, loss, dualLoss, learningRate, patchesPerSecond },
  };
}

/** @returns {Known} */
function createKnown() {
  /** @type {Topic<Changed>} */
  const changes = createTopic();
  /** @type {Map<string, Job>} */
  const jobs = new Map();
  /** @type {ModelList | undefined} */
  let models;
  /** @type {Status | undefined} */
  let status;
  return {
    changes,
    jobs: () => [...jobs.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt)),
    job: (id) => jobs.get(id),
    models: () => models,
    status: () => status,
    putJob(job) {
      const known = jobs.get(job.id);
      // An answer that was under way while events came may be older than they are.
      if (known && known.lastSeq > job.lastSeq) return;
      jobs.set(job.id, job);
      changes.emit('jobs');
    },
    putModels(list) {
      models = list;
      changes.emit('models');
    },
    putStatus(next) {
      status = next;
      changes.emit('status');
    },
  };
}

/** Asks at most once for the same thing within a short time. */
function createSettler() {
  /** @type {Set<string>} */
  const unsettled = new Set();
  return (/** @type {string} */ key, /** @type {() => Promise<unknown>} */ fetchIt) => {
    if (unsettled.has(key)) return;
    unsettled.add(key);
    setTimeout(() => {
      unsettled.delete(key);
      // What is missed now comes with the next event, connection or round.
      fetchIt().catch(() => {});
    }, SETTLE_MS);
  };
}

/** @param {{ api: Api, live: Live }} parts @returns {Store} */
export function createStore({ api, live }) {
  const known = createKnown();
  const settle = createSettler();
  const fetchJob = async (/** @type {string} */ id) => {
    const job = await api.get(`jobs/${encodeURIComponent(id)}`);
    known.putJob(job);
    return job;
  };
  const fetchJobs = async () => {
    const page = await api.get(`jobs?limit=${MAX_JOBS}`);
    for (const job of page.jobs) known.putJob(job);
  };
  const fetchModels = async () => known.putModels(await api.get('models'));
  const fetchStatus = async () => known.putStatus(await api.get('status'));

  /** @param {JobEvent} event */
  const onEvent = (event) => {
    if (event.type === 'activated' || event.type === 'published') settle('models', fetchModels);
    if (event.type === 'activated') return;
    const job = known.job(event.job);
    if (event.type === 'progress' && job?.state === 'running') known.putJob(withProgress(job, event));
    else settle(event.job, () => fetchJob(event.job));
  };
  // The next one only after the answer: while the page asks for its token, requests would heap up.
  const watchStatus = async () => {
    if (document.visibilityState === 'visible') await fetchStatus().catch(() => {});
    setTimeout(watchStatus, STATUS_MS);
  };
  return {
    ...known,
    fetchJob,
    async start() {
      // Alone, because it tries the token that the others then go with.
      await fetchStatus();
      await Promise.all([fetchModels(), fetchJobs()]);
      live.onEvent(onEvent);
      live.onOpen(() => {
        settle('jobs', fetchJobs);
        settle('models', fetchModels);
      });
      live.start();
      setTimeout(watchStatus, STATUS_MS);
    },
  };
}
