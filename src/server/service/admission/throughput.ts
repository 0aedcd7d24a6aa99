/** How fast work gets done, from the work that was done lately. */

export interface Throughput {
  /** A piece of work starts; call the result with its cost when it is done, or with 0 when it ended early. */
  start(): (cost: number) => void;
  /** Cost per millisecond of everything that runs together; undefined until something was finished. */
  readonly rate: number | undefined;
}

/** What is left of older work's weight at each finished piece: the last ten or so count. */
const DECAY = 0.9;

/** @param now milliseconds of a monotonic clock. */
export function createThroughput(now: () => number): Throughput {
  let running = 0;
  let busySince = 0;
  let doneCost = 0;
  let busyMs = 0;
  return {
    start() {
      if (running === 0) busySince = now();
      running += 1;
      return (cost) => {
        running -= 1;
        // Work that was given up tells nothing, and the time it took would make the rest look slow.
        if (cost === 0) return;
        doneCost = doneCost * DECAY + cost;
        busyMs = busyMs * DECAY + (now() - busySince);
        busySince = now();
      };
    },
    get rate() {
      return busyMs > 0 ? doneCost / busyMs : undefined;
    },
  };
}
