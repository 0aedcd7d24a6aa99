/** Equal work that is asked for at the same time is done once. */
import { DualscaleError } from '../../core/errors.ts';

/** What a flight's work can know of those who wait for it. */
export interface FlightView {
  /** Aborted when the last one has left. */
  readonly signal: AbortSignal;
  /** The latest deadline of those who wait now; undefined where one of them has none. */
  readonly deadline: number | undefined;
}

export interface Passenger {
  readonly signal: AbortSignal;
  /** On the caller's clock. @default none: it waits as long as it takes */
  readonly deadline?: number | undefined;
}

export interface SingleFlight<Result> {
  /**
   * Joins the work under way for `key` or starts it. `work` is aborted when the last one who waits for it has left;
   * who leaves earlier gets DS_ABORTED alone.
   */
  run(key: string, work: (flight: FlightView) => Promise<Result>, passenger: Passenger): Promise<Result>;
  /** Whether work is under way for `key`. */
  has(key: string): boolean;
}

interface Flight<Result> {
  readonly result: Promise<Result>;
  readonly controller: AbortController;
  readonly passengers: Set<Passenger>;
}

function latestDeadline(passengers: Iterable<Passenger>): number | undefined {
  let latest = Number.NEGATIVE_INFINITY;
  for (const { deadline } of passengers) {
    if (deadline === undefined) return undefined;
    latest = Math.max(latest, deadline);
  }
  return latest;
}

export function createSingleFlight<Result>(): SingleFlight<Result> {
  const flights = new Map<string, Flight<Result>>();

  const start = (key: string, work: (flight: FlightView) => Promise<Result>, passenger: Passenger): Flight<Result> => {
    const controller = new AbortController();
    const passengers = new Set([passenger]);
    const view: FlightView = {
      signal: controller.signal,
      get deadline() {
        return latestDeadline(passengers);
      },
    };
    const flight: Flight<Result> = {
      controller,
      passengers,
      result: work(view).finally(() => {
        // An aborted flight has left the map before: the key may belong to its successor by now.
        if (flights.get(key) === flight) flights.delete(key);
      }),
    };
    flights.set(key, flight);
    return flight;
  };

  return {
    has: (key) => flights.has(key),
    async run(key, work, { signal, deadline }) {
      if (signal.aborted) throw new DualscaleError('DS_ABORTED', 'aborted before it began');
      // One of its own, whoever calls twice.
      const passenger = { signal, deadline };
      const flight = flights.get(key) ?? start(key, work, passenger);
      flight.passengers.add(passenger);
      return new Promise((resolve, reject) => {
        const leave = () => {
          flight.passengers.delete(passenger);
          if (flight.passengers.size === 0) {
            if (flights.get(key) === flight) flights.delete(key);
            flight.controller.abort();
          }
          reject(new DualscaleError('DS_ABORTED', 'the client left'));
        };
        signal.addEventListener('abort', leave, { once: true });
        flight.result.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
      });
    },
  };
}
