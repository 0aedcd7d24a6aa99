/** How requests fared lately, by model: for the watch over a new model, for pausing under load, and for dashboards. */
import { ERRORS, type ErrorCode } from '../../errors.ts';
import { percentileOf } from '../work/percentile.ts';
import type { ServedEnlargement } from './serving.ts';

export interface ServedSample {
  readonly modelId: string;
  readonly scale: number;
  readonly failed: boolean;
  readonly milliseconds: number;
  /** 0 where nobody knows. */
  readonly outputPixels: number;
}

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
  record(enlargement: ServedEnlargement): void;
  /** The last minute. */
  summary(): ServingSummary & {
    readonly windowSeconds: number;
    readonly byModel: readonly (ServingSummary & { readonly modelId: string })[];
  };
  /** Pictures under way at a time, on average over the last seconds. */
  load(): number;
  /** Milliseconds per output megapixel at the 95th percentile of a model's latest pictures; undefined with too few. */
  pace(modelId: string): number | undefined;
  listen(listener: (sample: ServedSample) => void): () => void;
}

const WINDOW_SECONDS = 60;
const LOAD_SECONDS = 2;
/** Enough for a percentile, at most a few hundred kilobytes. */
const MOST_SAMPLES = 4096;
const LEAST_FOR_PACE = 10;
const PACE_SAMPLES = 200;

/** Undefined for what says nothing about the model: a client that left, a picture that is damaged. */
function toSample({
  modelId,
  scale,
  milliseconds,
  error,
  outputPixels = 0,
}: ServedEnlargement): ServedSample | undefined {
  const failed = error !== undefined;
  if (failed && !(error in ERRORS && ERRORS[error as ErrorCode].status >= 500)) return undefined;
  return { modelId, scale, failed, milliseconds, outputPixels };
}

function summarise(samples: readonly ServedSample[]): ServingSummary {
  const times = samples.filter(({ failed }) => !failed).map(({ milliseconds }) => milliseconds);
  const at = (percent: number) => (times.length === 0 ? null : percentileOf(times, percent));
  return { requests: samples.length, errors: samples.length - times.length, p50Ms: at(50), p95Ms: at(95) };
}

export const paceOf = ({ milliseconds, outputPixels }: ServedSample): number => milliseconds / (outputPixels / 1e6);

/** @param now milliseconds of a monotonic clock. */
export function createServingStats(now: () => number): ServingStats {
  let samples: Timed[] = [];
  const listeners = new Set<(sample: ServedSample) => void>();
  const since = (seconds: number) => samples.filter(({ at }) => at > now() - 1000 * seconds);
  return {
    record(enlargement) {
      const sample = toSample(enlargement);
      if (!sample) return;
      samples.push({ ...sample, at: now() });
      if (samples.length >= 2 * MOST_SAMPLES) samples = samples.slice(-MOST_SAMPLES);
      for (const listener of listeners) listener(sample);
    },
    summary() {
      const recent = since(WINDOW_SECONDS);
      const ids = [...new Set(recent.map(({ modelId }) => modelId))].sort();
      const byModel = ids.map((modelId) => ({ modelId, ...summarise(recent.filter((s) => s.modelId === modelId)) }));
      return { windowSeconds: WINDOW_SECONDS, ...summarise(recent), byModel };
    },
    load: () => since(LOAD_SECONDS).reduce((sum, { milliseconds }) => sum + milliseconds, 0) / (1000 * LOAD_SECONDS),
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
