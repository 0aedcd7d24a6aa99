/** Bounds how many pictures are in memory and how many are worked on. */
import { badOption, DualscaleError } from '../errors.ts';

export interface SlotOptions {
  /** Pictures decoded, enlarged and encoded at the same time, from 1 up. */
  readonly concurrency: number;
  /** Pictures that may wait beside them, from 0 up. One more is refused with DS_BUSY. */
  readonly queueLimit: number;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

export interface Slots {
  /** Takes a place for one picture in memory; throws DS_BUSY when all are taken. Call the result when its bytes are gone. */
  reserve(): () => void;
  /** Runs `task` when one of the `concurrency` slots is free, first come first served. Throws DS_ABORTED if `signal` fires while it waits. */
  run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Whole seconds after which a refused client may find a free place: what is ahead at the pace of the latest tasks, 1 to 60. */
  retryAfterSeconds(): number;
}

/** Weight of the newest task in the running mean of task times. */
const NEWEST = 0.2;

function checkCount(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) throw badOption(name, `an integer from ${least} up`, value);
}

interface Waiting {
  readonly start: () => void;
}

export function createSlots({ concurrency, queueLimit, now }: SlotOptions): Slots {
  checkCount('concurrency', concurrency, 1);
  checkCount('queueLimit', queueLimit, 0);
  const waiting = new Set<Waiting>();
  let reserved = 0;
  let running = 0;
  let meanMs = 0;

  const enter = (signal: AbortSignal | undefined): Promise<void> => {
    if (signal?.aborted) return Promise.reject(aborted());
    if (running < concurrency) {
      running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiting.delete(entry);
        reject(aborted());
      };
      // The slot is handed over, not freed and taken again: nobody can slip in between.
      const entry: Waiting = {
        start: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiting.add(entry);
    });
  };

  const handOver = () => {
    const [next] = waiting;
    if (!next) {
      running -= 1;
      return;
    }
    waiting.delete(next);
    next.start();
  };

  return {
    reserve() {
      if (reserved >= concurrency + queueLimit) {
        throw new DualscaleError(
          'DS_BUSY',
          `all ${concurrency + queueLimit} places are taken (concurrency ${concurrency}, queueLimit ${queueLimit})`,
        );
      }
      reserved += 1;
      let held = true;
      return () => {
        if (held) reserved -= 1;
        held = false;
      };
    },
    async run(task, signal) {
      await enter(signal);
      const start = now();
      try {
        return await task();
      } finally {
        const tookMs = now() - start;
        meanMs = meanMs === 0 ? tookMs : meanMs + NEWEST * (tookMs - meanMs);
        handOver();
      }
    },
    retryAfterSeconds: () => Math.min(60, Math.max(1, Math.ceil((meanMs * reserved) / concurrency / 1000))),
  };
}

function aborted(): DualscaleError {
  return new DualscaleError('DS_ABORTED', 'aborted while waiting for a free slot');
}
