/** Equal work that is asked for at the same time is done once. */
import { DualscaleError } from '../errors.ts';

export interface SingleFlight<Result> {
  /**
   * Joins the work under way for `key` or starts it. `work` is aborted when the last one who waits for it has left;
   * who leaves earlier gets DS_ABORTED alone.
   */
  run(key: string, work: (signal: AbortSignal) => Promise<Result>, signal: AbortSignal): Promise<Result>;
  /** Whether work is under way for `key`. */
  has(key: string): boolean;
}

interface Flight<Result> {
  readonly result: Promise<Result>;
  readonly controller: AbortController;
  passengers: number;
}

export function createSingleFlight<Result>(): SingleFlight<Result> {
  const flights = new Map<string, Flight<Result>>();

  const start = (key: string, work: (signal: AbortSignal) => Promise<Result>): Flight<Result> => {
    const controller = new AbortController();
    const flight: Flight<Result> = {
      controller,
      passengers: 0,
      result: work(controller.signal).finally(() => {
        // An aborted flight has left the map before: the key may belong to its successor by now.
        if (flights.get(key) === flight) flights.delete(key);
      }),
    };
    flights.set(key, flight);
    return flight;
  };

  return {
    has: (key) => flights.has(key),
    async run(key, work, signal) {
      if (signal.aborted) throw new DualscaleError('DS_ABORTED', 'aborted before it began');
      const flight = flights.get(key) ?? start(key, work);
      flight.passengers += 1;
      return new Promise((resolve, reject) => {
        const leave = () => {
          flight.passengers -= 1;
          if (flight.passengers === 0) {
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
