/**
 * Every metric the plugin exports, as data: the registry is filled from it and the documentation is
 * compared with it.
 */

import { ERRORS } from '../../core/errors.ts';

interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Label names; values come from closed sets, never from a request. */
  readonly labels: readonly string[];
  /** Of a counter with one label: every value, so that rates and alerts see the first event too. */
  readonly values?: readonly string[];
  /**
   * Of a gauge without labels whose 0 would be a value: there is no sample until something is
   * known.
   */
  readonly isUnknownAtFirst?: true;
  /** Upper bounds, for histograms. */
  readonly buckets?: readonly number[];
}

/**
 * OpenTelemetry's bounds for HTTP durations, carried on to a minute: a large picture on a small CPU
 * takes that long.
 */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60];

const OUTCOMES = [
  'upscaled',
  'cached',
  'not-modified',
  'head',
  'skipped',
  'passed',
  'passthrough',
  'rejected',
  'busy',
  'failed',
  'aborted',
];
const TIERS = ['memory', 'disk', 'shared'];

/**
 * 8-bit levels: half of one is rounding, a few are what a good model leaves, more is a picture of
 * something else.
 */
const LEVELS = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 32];

/** From a quick fine-tuning to a day of training. */
const JOB_SECONDS = [10, 30, 60, 300, 600, 1800, 3600, 10_800, 43_200, 86_400];

export const METRICS = {
  dualscale_requests_total: {
    type: 'counter',
    help: 'Requests with the upscale parameter, by what became of them.',
    labels: ['outcome'],
    values: OUTCOMES,
  },
  dualscale_request_duration_seconds: {
    type: 'histogram',
    help: 'Time from a request with the upscale parameter to its answer, the host included.',
    labels: ['outcome'],
    buckets: SECONDS,
  },
  dualscale_inflight: {
    type: 'gauge',
    help: 'Requests with the upscale parameter that are not answered yet.',
    labels: [],
  },
  dualscale_skips_total: {
    type: 'counter',
    help: 'Pictures that went out as the host made them, by reason.',
    labels: ['reason'],
  },
  dualscale_errors_total: {
    type: 'counter',
    help: 'Errors that requests met, by code.',
    labels: ['code'],
    values: Object.keys(ERRORS),
  },
  dualscale_stage_duration_seconds: {
    type: 'histogram',
    help: 'Time a picture spent in each stage: host, queue, decode, infer, encode.',
    labels: ['stage'],
    buckets: SECONDS,
  },
  dualscale_enlargements_total: {
    type: 'counter',
    help: 'Enlargements that were tried, by model and result: ok, fallback, or the code of the error.',
    labels: ['model', 'scale', 'result'],
  },
  dualscale_enlargement_duration_seconds: {
    type: 'histogram',
    help: 'Time from the start of decoding to the end of encoding of enlargements that succeeded, by model.',
    labels: ['model', 'scale'],
    buckets: SECONDS,
  },
  dualscale_consistency_error_levels: {
    type: 'histogram',
    help: 'How far enlarged pictures, made small again by the dual network, are from their sources, in 8-bit levels.',
    labels: ['model', 'scale'],
    buckets: LEVELS,
  },
  dualscale_pixels_total: {
    type: 'counter',
    help: 'Pixels of pictures that were enlarged (in) and of their results (out).',
    labels: ['direction'],
    values: ['in', 'out'],
  },
  dualscale_queue_depth: { type: 'gauge', help: 'Pictures that wait for a slot.', labels: [] },
  dualscale_queue_cost_gigamacs: {
    type: 'gauge',
    help: 'Work that waits for a slot, in giga multiply-accumulates.',
    labels: [],
  },
  dualscale_running: { type: 'gauge', help: 'Pictures that are decoded, enlarged or encoded now.', labels: [] },
  dualscale_cache_hits_total: {
    type: 'counter',
    help: 'Pictures found in the cache, by tier: memory, disk, shared.',
    labels: ['tier'],
    values: TIERS,
  },
  dualscale_cache_misses_total: { type: 'counter', help: 'Pictures that no tier of the cache had.', labels: [] },
  dualscale_cache_errors_total: {
    type: 'counter',
    help: 'Reads and writes of a cache tier that failed, and damaged entries.',
    labels: ['tier'],
    values: TIERS,
  },
  dualscale_cache_bytes: { type: 'gauge', help: 'Bytes a tier of the cache holds.', labels: ['tier'] },
  dualscale_cache_entries: { type: 'gauge', help: 'Pictures a tier of the cache holds.', labels: ['tier'] },
  dualscale_singleflight_joined_total: {
    type: 'counter',
    help: 'Requests that waited for equal work under way in place of doing it again.',
    labels: [],
  },
  dualscale_model_info: { type: 'gauge', help: '1 for the model that serves a scale.', labels: ['model', 'scale'] },
  dualscale_model_switches_total: {
    type: 'counter',
    help: 'Times another model took over a scale.',
    labels: ['scale'],
  },
  dualscale_model_choices_total: {
    type: 'counter',
    help: 'Pictures that several models could have made under latencyObjectiveMs, by the one that did and why: active, size, load.',
    labels: ['model', 'scale', 'why'],
  },
  dualscale_worker_restarts_total: { type: 'counter', help: 'Worker threads that died and were replaced.', labels: [] },
  dualscale_jobs: {
    type: 'gauge',
    help: 'Jobs by state: queued, running, paused, succeeded, failed, cancelled.',
    labels: ['state'],
  },
  dualscale_jobs_ended_total: {
    type: 'counter',
    help: 'Jobs that ended, by type and state.',
    labels: ['type', 'state'],
  },
  dualscale_job_duration_seconds: {
    type: 'histogram',
    help: 'Time from the start of a job to its end, by type and state.',
    labels: ['type', 'state'],
    buckets: JOB_SECONDS,
  },
  dualscale_job_stage: { type: 'gauge', help: '1 for the stage that the latest job entered last.', labels: ['stage'] },
  dualscale_job_progress_ratio: {
    type: 'gauge',
    help: 'How much of the latest job is done, 0 to 1.',
    labels: [],
    isUnknownAtFirst: true,
  },
  dualscale_job_loss: { type: 'gauge', help: 'Training loss of the latest job.', labels: [], isUnknownAtFirst: true },
  dualscale_job_psnr_db: {
    type: 'gauge',
    help: 'PSNR on held-out photographs of the latest job.',
    labels: [],
    isUnknownAtFirst: true,
  },
  dualscale_job_latency_seconds: {
    type: 'gauge',
    help: 'Latency of the latest job: target, predicted, measured.',
    labels: ['kind'],
  },
  dualscale_job_clients: { type: 'gauge', help: 'Open event sockets of the job API.', labels: [] },
  dualscale_job_publications_total: { type: 'counter', help: 'Models that jobs have published.', labels: [] },
  dualscale_model_rollbacks_total: {
    type: 'counter',
    help: 'Times a scale went back to the model before, by reason: rollback, automatic-rollback.',
    labels: ['reason'],
    values: ['rollback', 'automatic-rollback'],
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;

/** What every name begins with; the option `metricsPrefix` replaces it. */
export const METRICS_PREFIX = 'dualscale_';
