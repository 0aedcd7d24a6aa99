/** Puts the table of metrics into a registry. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { METRICS, METRICS_PREFIX, type MetricName } from './definitions.ts';

type NameOf<Type extends string> = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never;
}[MetricName];

type Instrument<Name extends MetricName> =
  Name extends NameOf<'counter'> ? Counter : Name extends NameOf<'gauge'> ? Gauge : Histogram;

export type Instruments = { readonly [Name in MetricName]: Instrument<Name> };

function createCounter(name: MetricName, configuration: ConstructorParameters<typeof Counter>[0]): Counter {
  const counter = new Counter(configuration);
  const { labels, values = [] } = METRICS[name] as { readonly labels: readonly string[]; readonly values?: string[] };
  for (const value of values) counter.inc({ [labels[0]]: value }, 0);
  return counter;
}

function createGauge(name: MetricName, configuration: ConstructorParameters<typeof Gauge>[0]): Gauge {
  const gauge = new Gauge(configuration);
  // One without labels begins at 0.
  if ('isUnknownAtFirst' in METRICS[name]) gauge.remove({});
  return gauge;
}

function create(name: MetricName, registry: Registry, prefix: string): Counter | Gauge | Histogram {
  const { type, help, labels } = METRICS[name];
  const prefixed = prefix + name.slice(METRICS_PREFIX.length);
  // Two plugins in one process may share a registry, which refuses a second metric of the same
  // name.
  const existing = registry.getSingleMetric(prefixed);
  if (existing) return existing as Counter;
  const configuration = { name: prefixed, help, labelNames: [...labels] as string[], registers: [registry] };
  if (type === 'counter') return createCounter(name, configuration);
  if (type === 'gauge') return createGauge(name, configuration);
  const { buckets } = METRICS[name] as { readonly buckets: readonly number[] };
  return new Histogram({ ...configuration, buckets: [...buckets] });
}

export function registerMetrics(registry: Registry, prefix: string): Instruments {
  const names = Object.keys(METRICS) as MetricName[];
  return Object.fromEntries(names.map((name) => [name, create(name, registry, prefix)])) as unknown as Instruments;
}
