/** The plugin's metrics in a Prometheus registry: the host's, or one of its own. */
import { Registry } from 'prom-client';
import { guardMethods } from '../../core/guarded.ts';
import type { StageTimings } from '../../core/upscale/enlarge-encoded.ts';
import type { EndedRequest, Enlargement } from '../../core/upscale/serving.ts';
import type { Load } from '../service/admission/admission.ts';
import type { TierName, TierSize } from '../service/cache/tier.ts';
import { METRICS_PREFIX } from './definitions.ts';
import { ServedModelGauge, SharedGauges } from './gauges.ts';
import { createJobMetrics } from './job-metrics.ts';
import { registerMetrics } from './register.ts';

export type MetricsRegistry = Registry;

interface Choice {
  readonly modelId: string;
  readonly scale: number;
  readonly why: string;
}

interface Named {
  readonly id: string;
  readonly scale: number;
}

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * @param prefix of every name, such as `dualscale_`.
 * @param onError told of the first count that fails; nothing throws.
 */
export function createMetrics(
  registry: Registry = new Registry(),
  prefix: string = METRICS_PREFIX,
  onError: (error: unknown) => void = () => {},
) {
  const of = registerMetrics(registry, prefix);
  let isReported = false;
  const reportOnce = (error: unknown) => {
    if (!isReported) onError(error);
    isReported = true;
  };
  const gauges = new SharedGauges();
  const servedModels = new ServedModelGauge(of.dualscale_model_info);
  const metrics = {
    registry,
    request: ({ outcome, milliseconds }: EndedRequest) => {
      of.dualscale_requests_total.inc({ outcome });
      if (milliseconds !== undefined) of.dualscale_request_duration_seconds.observe({ outcome }, milliseconds / 1000);
    },
    /** +1 when a request with the parameter comes in, -1 when it is answered. */
    inflight: (change: 1 | -1) => of.dualscale_inflight.inc(change),
    /** A picture that several models could have made, by the one that did. `why`: `active` or a `ChoiceReason`. */
    chosen: ({ modelId: model, scale, why }: Choice) =>
      of.dualscale_model_choices_total.inc({ model, scale: String(scale), why }),
    /** A picture that goes out as the host made it. */
    skipped: (reason: string) => of.dualscale_skips_total.inc({ reason }),
    error: (code: string) => of.dualscale_errors_total.inc({ code }),
    stage: (stage: 'host' | 'queue' | keyof StageTimings, milliseconds: number) =>
      of.dualscale_stage_duration_seconds.observe({ stage }, milliseconds / 1000),
    pixels: (direction: 'in' | 'out', count: number) => of.dualscale_pixels_total.inc({ direction }, count),
    joined: () => of.dualscale_singleflight_joined_total.inc(),
    enlarged: ({
      modelId: model,
      scale,
      milliseconds,
      error,
      consistencyError,
      fallback,
    }: Omit<Enlargement, 'input'>) => {
      const labels = { model, scale: String(scale) };
      of.dualscale_enlargements_total.inc({ ...labels, result: error ?? (fallback ? 'fallback' : 'ok') });
      if (error === undefined) of.dualscale_enlargement_duration_seconds.observe(labels, milliseconds / 1000);
      if (consistencyError !== undefined) of.dualscale_consistency_error_levels.observe(labels, consistencyError);
    },
    queue: ({ running, waiting, waitingCost }: Load) => {
      gauges.set(of.dualscale_running, running);
      gauges.set(of.dualscale_queue_depth, waiting);
      gauges.set(of.dualscale_queue_cost_gigamacs, waitingCost);
    },
    cacheHit: (tier: TierName) => of.dualscale_cache_hits_total.inc({ tier }),
    cacheMiss: () => of.dualscale_cache_misses_total.inc(),
    cacheError: (tier: TierName) => of.dualscale_cache_errors_total.inc({ tier }),
    cacheSize: (tier: TierName, { bytes, entries }: TierSize) => {
      gauges.set(of.dualscale_cache_bytes, bytes, { tier });
      gauges.set(of.dualscale_cache_entries, entries, { tier });
    },
    /** Says that a model serves its scale now, in the place of `previous`. */
    serves: ({ id, scale }: Named, previous?: { readonly id: string }) => {
      const label = String(scale);
      servedModels.serves(id, label);
      of.dualscale_model_switches_total.inc({ scale: label }, previous ? 1 : 0);
    },
    workerRestarted: () => of.dualscale_worker_restarts_total.inc(),
    jobs: guardMethods(createJobMetrics(of, gauges), reportOnce),
    /** The plugin has ended: it waits, holds and serves nothing any more. What it has counted stays. */
    withdraw() {
      gauges.withdraw();
      servedModels.withdraw();
    },
  };
  // A registry of the host's may hold another metric of the same name: counting then fails, and no request with it.
  return guardMethods(metrics, reportOnce);
}
