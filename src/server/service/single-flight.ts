/**
 * Equal work that is requested at the same time is done once, and each request waits only as long
 * as its time lasts.
 */
import { DualscaleError } from '../../core/errors.ts';

/** What the work knows about those who wait for it. */
export interface FlightView {
  /** Aborted when the last waiter has left. */
  readonly signal: AbortSignal;
  /** The latest deadline of those who wait now; undefined where one of them has no deadline. */
  readonly deadline: number | undefined;
}

export interface Waiter {
  readonly signal: AbortSignal;
  /** On the caller's clock. @default none: it waits as long as it takes */
  readonly deadline?: number | undefined;
}

class Flight<Result> implements FlightView {
  readonly waiters = new Set<Waiter>();
  readonly controller = new AbortController();
  result!: Promise<Result>;

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get deadline(): number | undefined {
    const deadlines = [...this.waiters].map(({ deadline }) => deadline ?? Number.POSITIVE_INFINITY);
    const latest = Math.max(...deadlines);
    return latest === Number.POSITIVE_INFINITY ? undefined : latest;
  }
}

export class SingleFlight<Result> {
  readonly #flights = new Map<string, Flight<Result>>();

  /** Whether work is under way for `key`. */
  has(key: string): boolean {
    return this.#flights.has(key);
  }

  /**
   * Joins the work under way for `key` or starts it. `work` is aborted when the last waiter has
   * left; a waiter that leaves earlier gets DS_ABORTED alone.
   */
  async run(key: string, work: (flight: FlightView) => Promise<Result>, { signal, deadline }: Waiter): Promise<Result> {
    if (signal.aborted) throw new DualscaleError('DS_ABORTED', 'aborted before it began');
    // An object of its own: the same waiter may come twice.
    const waiter = { signal, deadline };
    const flight = this.#flights.get(key) ?? this.#start(key, work, waiter);
    flight.waiters.add(waiter);
    return new Promise((resolve, reject) => {
      const leave = () => {
        flight.waiters.delete(waiter);
        if (flight.waiters.size === 0) {
          this.#forget(key, flight);
          flight.controller.abort();
        }
        reject(new DualscaleError('DS_ABORTED', 'the client left'));
      };
      signal.addEventListener('abort', leave, { once: true });
      flight.result.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  }

  #start(key: string, work: (flight: FlightView) => Promise<Result>, waiter: Waiter): Flight<Result> {
    const flight = new Flight<Result>();
    flight.waiters.add(waiter);
    flight.result = work(flight).finally(() => this.#forget(key, flight));
    this.#flights.set(key, flight);
    return flight;
  }

  /** An aborted flight has left the map before: the key may belong to its successor by now. */
  #forget(key: string, flight: Flight<Result>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}

export interface RequestDeadline {
  /** Fires for both reasons to stop: the client left, or its time is over. */
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
  const expire = () => {
    isOver = true;
    leave();
  };
  const timer = setTimeout(expire, Math.max(0, milliseconds));
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
