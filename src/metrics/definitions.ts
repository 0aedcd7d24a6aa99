/** Every metric the plugin exports, as data: the registry is filled from it and the documentation is compared with it. */

interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Label names; values come from closed sets, never from a request. */
  readonly labels: readonly string[];
  /** Upper bounds, for histograms. */
  readonly buckets?: readonly number[];
}

/** OpenTelemetry's bounds for HTTP durations, carried on to a minute: a large picture on a small CPU takes that long. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60];

export const METRICS = {
  dualscale_requests_total: {
    type: 'counter',
    help: 'Requests with the upscale parameter, by what became of them.',
    labels: ['outcome'],
  },
  dualscale_stage_duration_seconds: {
    type: 'histogram',
    help: 'Time an enlarged picture spent in each stage: host, queue, decode, infer, encode.',
    labels: ['stage'],
    buckets: SECONDS,
  },
  dualscale_pixels_total: {
    type: 'counter',
    help: 'Pixels read from hosts (in) and sent enlarged (out).',
    labels: ['direction'],
  },
  dualscale_inflight: {
    type: 'gauge',
    help: 'Requests with the upscale parameter that are not answered yet.',
    labels: [],
  },
  dualscale_model_info: {
    type: 'gauge',
    help: '1 for the model that serves a scale.',
    labels: ['model', 'scale'],
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;
