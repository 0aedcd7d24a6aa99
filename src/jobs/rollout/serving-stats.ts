/** How requests fared lately, and enlargements by model: for the watch over a new model, for pausing under load, and for dashboards. */
import { ERRORS, type ErrorCode } from '../../core/errors.ts';
import { percentile } from '../../core/measure/percentile.ts';
import type { EndedRequest, Enlargement } from '../../core/upscale/serving.ts';
import { createRequestWindow, type RequestSummary, WINDOW_SECONDS } from './request-window.ts';

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

/** What a model did: enlargements that were tried, without the cache and without what was refused before. */
interface ModelSummary {
  readonly modelId: string;
  readonly requests: number;
  readonly errors: number;
  /** Of the work alone, without host and queue. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

export interface ServingStats {
  record(enlargement: Enlargement): void;
  recordRequest(request: EndedRequest): void;
  /** The last minute. */
  summary(): RequestSummary & { readonly windowSeconds: number; readonly byModel: readonly ModelSummary[] };
  /** Pictures under way at a time, on average over the last seconds. */
  load(): number;
  /** Milliseconds per output megapixel at the 95th percentile of a model's latest pictures; undefined with too few. */
  pace(modelId: string): number | undefined;
  listen(listener: (sample: ServedSample) => void): () => void;
}

const LOAD_SECONDS = 2;
/** Enough for a percentile, at most a few hundred kilobytes. */
const MAX_SAMPLES = 4096;
const MIN_FOR_PACE = 10;
const PACE_SAMPLES = 200;

/** Undefined for what says nothing about the model: a client that left, a picture that is damaged. */
function toSample({ modelId, scale, milliseconds, error, outputPixels = 0 }: Enlargement): ServedSample | undefined {
  const failed = error !== undefined;
  if (failed && !(error in ERRORS && ERRORS[error as ErrorCode].status >= 500)) return undefined;
  return { modelId, scale, failed, milliseconds, outputPixels };
}

function summarise(modelId: string, samples: readonly ServedSample[]): ModelSummary {
  const times = samples.filter(({ failed }) => !failed).map(({ milliseconds }) => milliseconds);
  const at = (percent: number) => (times.length === 0 ? null : percentile(times, percent));
  return { modelId, requests: samples.length, errors: samples.length - times.length, p50Ms: at(50), p95Ms: at(95) };
}

export const paceOf = ({ milliseconds, outputPixels }: ServedSample): number => milliseconds / (outputPixels / 1e6);

/** @param now milliseconds of a monotonic clock. */
export function createServingStats(now: () => number): ServingStats {
  let samples: Timed[] = [];
  const requests = createRequestWindow(now);
  const listeners = new Set<(sample: ServedSample) => void>();
  const since = (seconds: number) => samples.filter(({ at }) => at > now() - 1000 * seconds);
  return {
    record(enlargement) {
      const sample = toSample(enlargement);
      if (!sample) return;
      samples.push({ ...sample, at: now() });
      if (samples.length >= 2 * MAX_SAMPLES) samples = samples.slice(-MAX_SAMPLES);
      for (const listener of listeners) listener(sample);
    },
    recordRequest: requests.record,
    summary() {
      const recent = since(WINDOW_SECONDS);
      const ids = [...new Set(recent.map(({ modelId }) => modelId))].sort();
      const byModel = ids.map((id) =>
        summarise(
          id,
          recent.filter(({ modelId }) => modelId === id),
        ),
      );
      return { windowSeconds: WINDOW_SECONDS, ...requests.summary(), byModel };
    },
    load: () => since(LOAD_SECONDS).reduce((sum, { milliseconds }) => sum + milliseconds, 0) / (1000 * LOAD_SECONDS),
    pace(modelId) {
      const usable = samples.filter(
        (sample) => sample.modelId === modelId && !sample.failed && sample.outputPixels > 0,
      );
      if (usable.length < MIN_FOR_PACE) return undefined;
      return percentile(usable.slice(-PACE_SAMPLES).map(paceOf), 95);
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
