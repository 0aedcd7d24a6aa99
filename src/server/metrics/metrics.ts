/** The plugin's metrics in a Prometheus registry: the host's, or one of its own. */
import { Registry } from 'prom-client';
import { guardMethods } from '../../core/guarded.ts';
import { METRICS_PREFIX } from './definitions.ts';
import { createJobMetrics, type JobMetrics } from './job-metrics.ts';
import { createLevels } from './levels.ts';
import { registerMetrics } from './register.ts';
import { createServedModels } from './served-models.ts';

export type MetricsRegistry = Registry;

interface Served {
  readonly modelId: string;
  readonly scale: number;
}

interface Tried extends Served {
  readonly milliseconds: number;
  /** The error's code; undefined for a success. */
  readonly error?: string;
  readonly consistencyError?: number;
  readonly fallback?: string | undefined;
}

export interface Metrics {
  readonly registry: Registry;
  request(outcome: string, milliseconds?: number): void;
  inflight(change: 1 | -1): void;
  chosen(choice: Served & { readonly why: string }): void;
  skipped(reason: string): void;
  error(code: string): void;
  stage(stage: string, milliseconds: number): void;
  pixels(direction: 'in' | 'out', count: number): void;
  joined(): void;
  enlarged(tried: Tried): void;
  queue(load: { readonly running: number; readonly waiting: number; readonly waitingCost: number }): void;
  cacheHit(tier: string): void;
  cacheMiss(): void;
  cacheError(tier: string): void;
  cacheSize(tier: string, size: { readonly bytes: number; readonly entries: number }): void;
  /** Says that a model serves its scale now, in the place of `previous`. */
  serves(model: { readonly id: string; readonly scale: number }, previous?: { readonly id: string }): void;
  workerRestarted(): void;
  readonly jobs: JobMetrics;
  /** The plugin has ended: it waits, holds and serves nothing any more. What it has counted stays. */
  withdraw(): void;
}

/**
 * @param prefix of every name, such as `dualscale_`.
 * @param onError told of the first count that fails; nothing throws.
 */
export function createMetrics(
  registry: Registry = new Registry(),
  prefix: string = METRICS_PREFIX,
  onError: (error: unknown) => void = () => {},
): Metrics {
  const of = registerMetrics(registry, prefix);
  let isReported = false;
  const reportOnce = (error: unknown) => {
    if (!isReported) onError(error);
    isReported = true;
  };
  const levels = createLevels();
  const servedModels = createServedModels(of.dualscale_model_info);
  const metrics: Metrics = {
    registry,
    request: (outcome, milliseconds) => {
      of.dualscale_requests_total.inc({ outcome });
      if (milliseconds !== undefined) of.dualscale_request_duration_seconds.observe({ outcome }, milliseconds / 1000);
    },
    inflight: (change) => of.dualscale_inflight.inc(change),
    chosen: ({ modelId: model, scale, why }) =>
      of.dualscale_model_choices_total.inc({ model, scale: String(scale), why }),
    skipped: (reason) => of.dualscale_skips_total.inc({ reason }),
    error: (code) => of.dualscale_errors_total.inc({ code }),
    stage: (stage, milliseconds) => of.dualscale_stage_duration_seconds.observe({ stage }, milliseconds / 1000),
    pixels: (direction, count) => of.dualscale_pixels_total.inc({ direction }, count),
    joined: () => of.dualscale_singleflight_joined_total.inc(),
    enlarged: ({ modelId: model, scale, milliseconds, error, consistencyError, fallback }) => {
      const labels = { model, scale: String(scale) };
      of.dualscale_enlargements_total.inc({ ...labels, result: error ?? (fallback ? 'fallback' : 'ok') });
      if (error === undefined) of.dualscale_enlargement_duration_seconds.observe(labels, milliseconds / 1000);
      if (consistencyError !== undefined) of.dualscale_consistency_error_levels.observe(labels, consistencyError);
    },
    queue: ({ running, waiting, waitingCost }) => {
      levels.set(of.dualscale_running, running);
      levels.set(of.dualscale_queue_depth, waiting);
      levels.set(of.dualscale_queue_cost_gigamacs, waitingCost);
    },
    cacheHit: (tier) => of.dualscale_cache_hits_total.inc({ tier }),
    cacheMiss: () => of.dualscale_cache_misses_total.inc(),
    cacheError: (tier) => of.dualscale_cache_errors_total.inc({ tier }),
    cacheSize: (tier, { bytes, entries }) => {
      levels.set(of.dualscale_cache_bytes, bytes, { tier });
      levels.set(of.dualscale_cache_entries, entries, { tier });
    },
    serves: ({ id, scale }, previous) => {
      const label = String(scale);
      servedModels.serves(id, label);
      of.dualscale_model_switches_total.inc({ scale: label }, previous ? 1 : 0);
    },
    workerRestarted: () => of.dualscale_worker_restarts_total.inc(),
    jobs: guardMethods(createJobMetrics(of, levels), reportOnce),
    withdraw() {
      levels.withdraw();
      servedModels.withdraw();
    },
  };
  // A registry of the host's may hold another metric of the same name: counting then fails, and no request with it.
  return guardMethods(metrics, reportOnce);
}
