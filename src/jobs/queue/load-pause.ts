/** Suspends jobs while pictures are being made: requests get the whole machine. */
import type { ServingStats } from '../rollout/serving-stats.ts';
import type { JobQueue } from './queue.ts';

export interface LoadPauseOptions {
  readonly stats: ServingStats;
  readonly queue: JobQueue;
  /** Pictures under way at a time. */
  readonly above: number;
}

const CHECK_MS = 200;
/** Longer than the load is averaged over, and long enough that a journal does not fill with pauses. */
const CALM_MS = 3000;

/** Gives the function that ends it. */
export function createLoadPause({ stats, queue, above }: LoadPauseOptions): () => void {
  let busyAt = Number.NEGATIVE_INFINITY;
  const timer = setInterval(() => {
    const isBusy = stats.load() > (queue.isPaused ? above / 2 : above);
    if (isBusy) busyAt = performance.now();
    const isPaused = performance.now() - busyAt < CALM_MS;
    if (isPaused !== queue.isPaused) queue.setPaused(isPaused);
  }, CHECK_MS).unref();
  return () => clearInterval(timer);
}
