/** How requests fared lately, by model: for the watch over a new model and for dashboards. */
import { percentileOf } from './percentile.ts';
import type { ServedSample } from './serving.ts';

interface Timed extends ServedSample {
  readonly at: number;
}

export interface ServingSummary {
  readonly requests: number;
  readonly errors: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

export interface ServingStats {
  record(sample: ServedSample): void;
  /** The last minute. */
  summary(): ServingSummary & {
    readonly windowSeconds: number;
    readonly byModel: readonly (ServingSummary & { readonly modelId: string })[];
  };
  /** Network milliseconds per output megapixel at the 95th percentile of a model's latest pictures; undefined with too few. */
  pace(modelId: string): number | undefined;
  listen(listener: (sample: ServedSample) => void): () => void;
}

const WINDOW_SECONDS = 60;
/** Enough for a percentile, at most a few hundred kilobytes. */
const MOST_SAMPLES = 4096;
const LEAST_FOR_PACE = 10;
const PACE_SAMPLES = 200;

function summarise(samples: readonly ServedSample[]): ServingSummary {
  const times = samples.filter(({ failed }) => !failed).map(({ totalMs }) => totalMs);
  const at = (percent: number) => (times.length === 0 ? null : percentileOf(times, percent));
  return { requests: samples.length, errors: samples.length - times.length, p50Ms: at(50), p95Ms: at(95) };
}

export const paceOf = ({ inferMs, outputPixels }: ServedSample): number => inferMs / (outputPixels / 1e6);

/** @param now milliseconds of a monotonic clock. */
export function createServingStats(now: () => number): ServingStats {
  let samples: Timed[] = [];
  const listeners = new Set<(sample: ServedSample) => void>();
  return {
    record(sample) {
      samples.push({ ...sample, at: now() });
      if (samples.length >= 2 * MOST_SAMPLES) samples = samples.slice(-MOST_SAMPLES);
      for (const listener of listeners) listener(sample);
    },
    summary() {
      const recent = samples.filter(({ at }) => at > now() - 1000 * WINDOW_SECONDS);
      const ids = [...new Set(recent.map(({ modelId }) => modelId))].sort();
      const byModel = ids.map((modelId) => ({ modelId, ...summarise(recent.filter((s) => s.modelId === modelId)) }));
      return { windowSeconds: WINDOW_SECONDS, ...summarise(recent), byModel };
    },
    pace(modelId) {
      const usable = samples.filter(
        (sample) => sample.modelId === modelId && !sample.failed && sample.outputPixels > 0,
      );
      if (usable.length < LEAST_FOR_PACE) return undefined;
      return percentileOf(usable.slice(-PACE_SAMPLES).map(paceOf), 95);
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
