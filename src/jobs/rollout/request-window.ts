/**
 * Requests of the last minute by outcome, with the times of those that got an enlarged picture: one slot for each second, in it counts and
 * a histogram. It holds about 220 KB, however many requests come in.
 */

import { percentileBin } from '../../core/measure/percentile.ts';
import type { EndedRequest } from '../../core/upscale/serving.ts';

export interface RequestSummary {
  /** With the parameter, whatever became of them. */
  readonly requests: number;
  /** Of these, the ones answered with an error: `failed`, `busy` and `rejected` together. */
  readonly errors: number;
  /** Answered with a 5xx that is no 503. */
  readonly failed: number;
  /** Refused with a 503. */
  readonly busy: number;
  /** Answered with a 4xx: a bad parameter, a bad picture. */
  readonly rejected: number;
  /** Of requests that got an enlarged picture, made now or from a cache, the whole time; null of none. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

export interface RequestWindow {
  record(request: EndedRequest): void;
  summary(): RequestSummary;
}

export const WINDOW_SECONDS = 60;

/** Times up to 10 minutes in steps of 2 %: the middle of a step is at most 1 % away from any time in it. */
const MIN_MS = 0.01;
const STEP = 1.02;
const STEPS = Math.ceil(Math.log(600_000 / MIN_MS) / Math.log(STEP));

interface Slot {
  /** Which second of the clock it is about. */
  second: number;
  readonly counts: Record<'requests' | 'failed' | 'busy' | 'rejected', number>;
  readonly times: Uint32Array;
}

const emptyCounts = (): Slot['counts'] => ({ requests: 0, failed: 0, busy: 0, rejected: 0 });

const hasPicture = (outcome: string): boolean => outcome === 'upscaled' || outcome === 'cached';

function stepOf(milliseconds: number): number {
  const step = Math.floor(Math.log(Math.max(milliseconds, MIN_MS) / MIN_MS) / Math.log(STEP));
  return Math.min(step, STEPS - 1);
}

function percentileOfSteps(times: Uint32Array, percent: number): number | null {
  const step = percentileBin(times, percent);
  return step < 0 ? null : MIN_MS * STEP ** (step + 0.5);
}

/** @param now milliseconds of a monotonic clock. */
export function createRequestWindow(now: () => number): RequestWindow {
  const slots = Array.from({ length: WINDOW_SECONDS }, (): Slot => {
    return { second: Number.NEGATIVE_INFINITY, counts: emptyCounts(), times: new Uint32Array(STEPS) };
  });
  const currentSecond = () => Math.floor(now() / 1000);

  const currentSlot = (): Slot => {
    const second = currentSecond();
    const slot = slots[second % WINDOW_SECONDS] as Slot;
    if (slot.second !== second) {
      slot.second = second;
      Object.assign(slot.counts, emptyCounts());
      slot.times.fill(0);
    }
    return slot;
  };

  return {
    record({ outcome, milliseconds }) {
      const { counts, times } = currentSlot();
      counts.requests += 1;
      if (outcome === 'failed' || outcome === 'busy' || outcome === 'rejected') counts[outcome] += 1;
      if (!hasPicture(outcome) || milliseconds === undefined) return;
      const step = stepOf(milliseconds);
      times[step] = (times[step] ?? 0) + 1;
    },
    summary() {
      const oldest = currentSecond() - WINDOW_SECONDS;
      const sum = emptyCounts();
      const times = new Uint32Array(STEPS);
      for (const slot of slots) {
        if (slot.second <= oldest) continue;
        for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += slot.counts[name];
        for (const [step, count] of slot.times.entries()) times[step] = (times[step] ?? 0) + count;
      }
      const errors = sum.failed + sum.busy + sum.rejected;
      return { ...sum, errors, p50Ms: percentileOfSteps(times, 50), p95Ms: percentileOfSteps(times, 95) };
    },
  };
}
