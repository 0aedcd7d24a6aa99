/** The plugin's metrics in a Prometheus registry: the host's, or one of its own. */
import { type Gauge, Registry } from 'prom-client';
import { guardMethods } from '../../core/guarded.ts';
import type { StageTimings } from '../../core/upscale/enlarge-encoded.ts';
import type { EndedRequest, Enlargement } from '../../core/upscale/serving.ts';
import type { Load } from '../service/admission/admission.ts';
import type { TierName, TierSize } from '../service/cache/tier.ts';
import { METRICS_PREFIX } from './definitions.ts';
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

type Labels = Readonly<Record<string, string>>;

interface Amount {
  readonly gauge: Gauge;
  readonly labels: Labels;
  value: number;
}

/**
 * What waits, runs, is held. Plugins that share a registry add up: each moves the gauge by what its
 * own value changed.
 */
class SharedGauges {
  readonly #amounts = new Map<Gauge, Map<string, Amount>>();

  /** Says what this plugin's amount is now. */
  set(gauge: Gauge, value: number, labels: Labels = {}): void {
    const own = this.#amounts.get(gauge) ?? new Map<string, Amount>();
    this.#amounts.set(gauge, own);
    const key = JSON.stringify(labels);
    const amount = own.get(key) ?? { gauge, labels, value: 0 };
    own.set(key, amount);
    move(amount, value);
  }

  /** Takes away what this plugin has added. */
  withdraw(): void {
    for (const own of this.#amounts.values()) for (const amount of own.values()) move(amount, 0);
  }
}

function move(amount: Amount, value: number): void {
  amount.gauge.inc(amount.labels, value - amount.value);
  amount.value = value;
}

/** How many plugins serve a scale by a model, for each registry's gauge. */
const SERVING = new WeakMap<Gauge, Map<string, number>>();

/**
 * The gauge of the models in service: 1 as long as any plugin of a registry serves by a model, then
 * no sample.
 */
class ServedModelGauge {
  readonly #gauge: Gauge;
  readonly #plugins: Map<string, number>;
  readonly #own = new Map<string, string>();

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
    this.#plugins = SERVING.get(gauge) ?? new Map();
    SERVING.set(gauge, this.#plugins);
  }

  /** A model begins to serve a scale and replaces this plugin's previous one. */
  serves(model: string, scale: string): void {
    const before = this.#own.get(scale);
    if (before === model) return;
    if (before !== undefined) this.#count(before, scale, -1);
    this.#own.set(scale, model);
    this.#count(model, scale, 1);
  }

  /** This plugin serves nothing any more. */
  withdraw(): void {
    for (const [scale, model] of this.#own) this.#count(model, scale, -1);
    this.#own.clear();
  }

  #count(model: string, scale: string, change: 1 | -1): void {
    const key = JSON.stringify([model, scale]);
    const left = (this.#plugins.get(key) ?? 0) + change;
    this.#plugins.set(key, left);
    if (left > 0) this.#gauge.set({ model, scale }, 1);
    else this.#gauge.remove({ model, scale });
  }
}

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * @param prefix of every name, such as `dualscale_`.
 * @param onError called with the first count that fails; nothing throws.
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
    /**
     * A picture that several models could have made, by the one that did. `why`: `active` or a
     * `ChoiceReason`.
     */
    chosen: ({ modelId: model, scale, why }: Choice) =>
      of.dualscale_model_choices_total.inc({ model, scale: String(scale), why }),
    /** A picture that is sent as the host made it. */
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
    /** A model serves its scale from now on and replaces `previous`. */
    serves: ({ id, scale }: Named, previous?: { readonly id: string }) => {
      const label = String(scale);
      servedModels.serves(id, label);
      of.dualscale_model_switches_total.inc({ scale: label }, previous ? 1 : 0);
    },
    workerRestarted: () => of.dualscale_worker_restarts_total.inc(),
    jobs: guardMethods(createJobMetrics(of, gauges), reportOnce),
    /**
     * The plugin has ended: it waits, holds and serves nothing any more. What it has counted stays.
     */
    withdraw() {
      gauges.withdraw();
      servedModels.withdraw();
    },
  };
  // The host's registry may hold another metric of the same name: counting then fails, but no
  // request does.
  return guardMethods(metrics, reportOnce);
}
