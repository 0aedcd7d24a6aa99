/** One signal for both reasons to stop: the client left, or its time is over. */
import { DualscaleError } from '../../core/errors.ts';

export interface RequestDeadline {
  readonly signal: AbortSignal;
  /** DS_DEADLINE where an abort was due to the time, else `error` as it is. */
  explain(error: unknown): unknown;
  /** Call it in the end: a timer and a listener are let go. */
  release(): void;
}

/** @param milliseconds left; undefined: as long as it takes. */
export function startDeadline(signal: AbortSignal, milliseconds: number | undefined): RequestDeadline {
  if (milliseconds === undefined) return { signal, explain: (error) => error, release: () => {} };
  const controller = new AbortController();
  const leave = () => controller.abort();
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  let isOver = false;
  const timer = setTimeout(
    () => {
      isOver = true;
      leave();
    },
    Math.max(0, milliseconds),
  );
  return {
    signal: controller.signal,
    explain: (error) => {
      const isAbort = error instanceof DualscaleError && error.code === 'DS_ABORTED';
      return isAbort && isOver ? new DualscaleError('DS_DEADLINE', 'the deadline passed', { cause: error }) : error;
    },
    release: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
    },
  };
}
