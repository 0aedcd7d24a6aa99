/**
 * How long networks take. On a machine that does other things too only comparisons hold, so several
 * networks are run in turns: whatever disturbs one disturbs the others.
 */
import type { Engine } from '../engine/engine.ts';
import { openTimedNetwork, type TimedNetwork } from '../engine/served/timed-network.ts';
import { createNetwork, initialiseParameters } from '../network/create-network.ts';
import type { NetworkSpec } from '../network/spec.ts';
import { createRandom } from '../random.ts';
import { median, percentile as percentileOf } from './percentile.ts';

/** Milliseconds of processor time that this process has taken so far, all threads together. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export interface Clocks {
  /** Milliseconds from any moment on. @default performance.now */
  readonly now?: () => number;
  /**
   * `processorTime`, for an engine that computes with one thread of this process. A run then counts
   * with what it computed: what else ran on the machine meanwhile is left out.
   */
  readonly processorTime?: () => number;
}

export interface TurnOptions extends Clocks {
  /** Untimed runs of every network before the first round. */
  readonly warmUpRuns: number;
  /** Times that every network is visited, one after the other. */
  readonly rounds: number;
  /** Timed runs of a visit. @default 1 */
  readonly runsPerVisit?: number;
  /** Milliseconds after which no new round begins, `minRounds` aside. @default Infinity */
  readonly maxMs?: number;
  /** @default 1 */
  readonly minRounds?: number;
  /** Its reason is thrown when it fires between two rounds. */
  readonly signal?: AbortSignal;
}

const wallClock = (): number => performance.now();

async function timeRun(network: TimedNetwork, { now = wallClock, processorTime: computed = now }: Clocks) {
  const start = now();
  const computedBefore = computed();
  await network.run();
  return Math.min(now() - start, computed() - computedBefore);
}

/** Milliseconds of the timed runs: per network, per round, per run. */
export async function timeInTurns(networks: readonly TimedNetwork[], options: TurnOptions): Promise<number[][][]> {
  const { warmUpRuns, rounds, runsPerVisit = 1, maxMs = Number.POSITIVE_INFINITY, minRounds = 1, signal } = options;
  const { now = wallClock } = options;
  for (const network of networks) for (let i = 0; i < warmUpRuns; i++) await network.run();
  const times = networks.map((): number[][] => []);
  const start = now();
  for (let round = 0; round < rounds && (round < minRounds || now() - start < maxMs); round++) {
    signal?.throwIfAborted();
    for (const [i, network] of networks.entries()) {
      const runs: number[] = [];
      for (let run = 0; run < runsPerVisit; run++) runs.push(await timeRun(network, options));
      times[i].push(runs);
    }
  }
  return times;
}

export interface MeterOptions extends Clocks {
  /** The uncompressed network. */
  readonly spec: NetworkSpec;
  /** Runs the networks; its threads and provider are part of what is measured. */
  readonly engine: Engine;
  /** LR pixels. */
  readonly width: number;
  readonly height: number;
  /** Which run of the uncompressed network counts as its time, 1 to 99. @default 50 */
  readonly percentile?: number;
  /** Times that every network is visited. @default 9 */
  readonly rounds?: number;
  /** Milliseconds of a comparison after which no new round begins; three are always done. @default 60000 */
  readonly maxMs?: number;
}

export interface Comparison {
  /** Of each network, relative to the uncompressed one. */
  readonly ratios: readonly number[];
  /** The uncompressed network's time while they were measured. */
  readonly fullMs: number;
}

const WARM_UP_RUNS = 2;
/** The faster run of a visit counts: what disturbs one rarely disturbs the next. */
const RUNS_PER_VISIT = 2;
/** Networks that take longer, in milliseconds, are run once per visit: disturbances are short compared to them. */
const SLOW_MS = 500;
const MIN_ROUNDS = 3;
/** Networks that are held in memory at once take about this much, in bytes. */
const HELD_BYTES = 1e9;

/** As many networks as are compared in the same rounds: activations take the memory, a few layers' at a time. */
function networksAtOnce({ spec, width, height }: MeterOptions): number {
  const { layers } = createNetwork(spec);
  const widest = Math.max(...layers.map((layer) => layer.positionsPerLrPixel * layer.outChannels));
  return Math.max(1, Math.min(8, Math.floor(HELD_BYTES / (4 * 4 * widest * width * height))));
}

function openAny({ engine, width, height }: MeterOptions, spec: NetworkSpec): Promise<TimedNetwork> {
  const network = createNetwork(spec);
  // The time of a convolution does not depend on its weights, as long as they are ordinary numbers.
  return openTimedNetwork(engine, network, initialiseParameters(network, createRandom(1)), { width, height });
}

export type LatencyMeter = Awaited<ReturnType<typeof openLatencyMeter>>;

/** Compares networks with the uncompressed one, which it holds until it is closed. */
export async function openLatencyMeter(options: MeterOptions) {
  const { spec, percentile = 50, rounds = 9, maxMs = 60_000, now, processorTime: computed } = options;
  const full = await openAny(options, spec);
  let usualMs = 0;
  for (let i = 0; i < WARM_UP_RUNS; i++) usualMs = await timeRun(full, options);
  const isSlow = usualMs > SLOW_MS;
  const visits = { rounds, maxMs, minRounds: MIN_ROUNDS, runsPerVisit: isSlow ? 1 : RUNS_PER_VISIT };

  const compareSome = async (specs: readonly NetworkSpec[], signal: AbortSignal | undefined) => {
    const networks: TimedNetwork[] = [];
    try {
      for (const pruned of specs) networks.push(await openAny(options, pruned));
      for (const network of networks) for (let i = 0; i < (isSlow ? 1 : WARM_UP_RUNS); i++) await network.run();
      const turns = { ...visits, warmUpRuns: 0, now, processorTime: computed, signal };
      const [fullTimes, ...times] = await timeInTurns([full, ...networks], turns);
      const ratios = times.map((ofNetwork) =>
        median(ofNetwork.map((runs, round) => Math.min(...runs) / Math.min(...fullTimes[round]))),
      );
      return { ratios, fullTimes: fullTimes.flat() };
    } finally {
      for (const network of networks) await network.release();
    }
  };

  return {
    /** Throws the reason of the signal when it fires between two rounds. */
    async compare(specs: readonly NetworkSpec[], signal?: AbortSignal): Promise<Comparison> {
      const ratios: number[] = [];
      const fullTimes: number[] = [];
      const count = networksAtOnce(options);
      for (let from = 0; from < specs.length; from += count) {
        const part = await compareSome(specs.slice(from, from + count), signal);
        ratios.push(...part.ratios);
        fullTimes.push(...part.fullTimes);
      }
      return { ratios, fullMs: percentileOf(fullTimes, percentile) };
    },
    close: () => full.release(),
  };
}
