/** The plugin's metrics in a Prometheus registry: the host's, or one of its own. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS, type MetricName } from './definitions.ts';

export type MetricsRegistry = Registry;

export interface Metrics {
  readonly registry: Registry;
  request(outcome: string, milliseconds?: number): void;
  skipped(reason: string): void;
  error(code: string): void;
  stage(stage: string, milliseconds: number): void;
  pixels(direction: 'in' | 'out', count: number): void;
  inflight(change: 1 | -1): void;
  /** Says that `model` serves `scale` now. */
  serves(model: string, scale: number): void;
}

function configuration(name: MetricName, registry: Registry) {
  const { help, labels } = METRICS[name];
  return { name, help, labelNames: [...labels] as string[], registers: [registry] };
}

/** Two plugins in one process may share a registry, which refuses a second metric of the same name. */
function existing<Metric>(registry: Registry, name: MetricName, create: () => Metric): Metric {
  return (registry.getSingleMetric(name) as Metric | undefined) ?? create();
}

function counter(registry: Registry, name: MetricName): Counter {
  return existing(registry, name, () => new Counter(configuration(name, registry)));
}

function gauge(registry: Registry, name: MetricName): Gauge {
  return existing(registry, name, () => new Gauge(configuration(name, registry)));
}

export function createMetrics(registry: Registry = new Registry()): Metrics {
  const requests = counter(registry, 'dualscale_requests_total');
  const pixels = counter(registry, 'dualscale_pixels_total');
  const inflight = gauge(registry, 'dualscale_inflight');
  const modelInfo = gauge(registry, 'dualscale_model_info');
  const name = 'dualscale_stage_duration_seconds';
  const buckets = [...METRICS[name].buckets];
  const stages = existing(registry, name, () => new Histogram({ ...configuration(name, registry), buckets }));
  return {
    registry,
    request: (outcome) => requests.inc({ outcome }),
    skipped: () => {},
    error: () => {},
    stage: (stage, milliseconds) => stages.observe({ stage }, milliseconds / 1000),
    pixels: (direction, count) => pixels.inc({ direction }, count),
    inflight: (change) => inflight.inc(change),
    serves: (model, scale) => modelInfo.set({ model, scale: String(scale) }, 1),
  };
}
