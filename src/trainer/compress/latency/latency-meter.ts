/** How long networks take beside the uncompressed one: on a machine that does other things too, only comparisons hold. */
import type { Engine } from '../../../core/engine/engine.ts';
import { openTimedNetwork, type TimedNetwork } from '../../../core/engine/served/timed-network.ts';
import { createNetwork, initialiseParameters } from '../../../core/network/create-network.ts';
import type { NetworkSpec } from '../../../core/network/spec.ts';
import { createRandom } from '../../train/random.ts';

export interface MeterOptions {
  /** The uncompressed network. */
  readonly spec: NetworkSpec;
  /** Runs the networks; its threads and provider are part of what is measured. */
  readonly engine: Engine;
  /** LR pixels. */
  readonly width: number;
  readonly height: number;
  /** Which run of the uncompressed network counts as its time, 1 to 99. @default 50 */
  readonly percentile?: number;
  /** Times that every network is run anew, after the others. @default 9 */
  readonly rounds?: number;
  /** Milliseconds of a comparison after which no new round begins; three are always done. @default 60000 */
  readonly maxMs?: number;
  /** Milliseconds from any moment on. */
  readonly now: () => number;
  /**
   * Milliseconds of processor time that this process has taken, for an engine that computes with one thread of it. A
   * run then counts with what it computed: what else ran on the machine meanwhile is left out.
   */
  readonly processorTime?: () => number;
}

export interface Comparison {
  /** Of each network, relative to the uncompressed one. */
  readonly ratios: readonly number[];
  /** The uncompressed network's time while they were measured. */
  readonly fullMs: number;
}

export interface LatencyMeter {
  /** Throws the reason of the signal when it fires between two rounds. */
  compare(specs: readonly NetworkSpec[], signal?: AbortSignal): Promise<Comparison>;
  close(): Promise<void>;
}

const WARM_UP_RUNS = 2;
/** The faster run of a visit counts: what disturbs one seldom disturbs the next. */
const RUNS_PER_VISIT = 2;
/** Networks that take longer, in milliseconds, are run once per visit: disturbances are short beside them. */
const SLOW_MS = 500;
const MIN_ROUNDS = 3;
/** Networks that are held in memory at once take about this much, in bytes. */
const HELD_BYTES = 1e9;

/** @param share 0 to 1; between two values it is their mixture. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

/** As many networks as are compared in the same rounds: activations are what they take, a few layers' at a time. */
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

export async function createLatencyMeter(options: MeterOptions): Promise<LatencyMeter> {
  const { spec, percentile = 50, rounds = 9, maxMs = 60_000, now, processorTime = now } = options;
  const run = async (network: TimedNetwork): Promise<number> => {
    const [start, computed] = [now(), processorTime()];
    await network.run();
    return Math.min(now() - start, processorTime() - computed);
  };
  const full = await openAny(options, spec);
  let usualMs = 0;
  for (let i = 0; i < WARM_UP_RUNS; i++) usualMs = await run(full);
  const isSlow = usualMs > SLOW_MS;
  const [warmUpRuns, runsPerVisit] = isSlow ? [1, 1] : [WARM_UP_RUNS, RUNS_PER_VISIT];

  /** All runs of the uncompressed network, and per round the faster run of each visit, the uncompressed one's first. */
  const visitAll = async (networks: readonly TimedNetwork[], signal: AbortSignal | undefined) => {
    const fullTimes: number[] = [];
    const fastest: number[][] = [];
    const start = now();
    for (let round = 0; round < rounds && (round < MIN_ROUNDS || now() - start < maxMs); round++) {
      signal?.throwIfAborted();
      const times: number[] = [];
      for (const network of [full, ...networks]) {
        const runs: number[] = [];
        for (let i = 0; i < runsPerVisit; i++) runs.push(await run(network));
        if (network === full) fullTimes.push(...runs);
        times.push(Math.min(...runs));
      }
      fastest.push(times);
    }
    return { fullTimes, fastest };
  };

  const compareSome = async (specs: readonly NetworkSpec[], signal: AbortSignal | undefined) => {
    const networks: TimedNetwork[] = [];
    try {
      for (const slim of specs) networks.push(await openAny(options, slim));
      for (const network of networks) for (let i = 0; i < warmUpRuns; i++) await run(network);
      const { fullTimes, fastest } = await visitAll(networks, signal);
      const ratios = specs.map((_, i) =>
        quantile(
          fastest.map((times) => times[i + 1] / times[0]),
          0.5,
        ),
      );
      return { ratios, fullTimes };
    } finally {
      for (const network of networks) await network.release();
    }
  };

  return {
    async compare(specs, signal) {
      const [ratios, fullTimes]: [number[], number[]] = [[], []];
      const count = networksAtOnce(options);
      for (let from = 0; from < specs.length; from += count) {
        const part = await compareSome(specs.slice(from, from + count), signal);
        ratios.push(...part.ratios);
        fullTimes.push(...part.fullTimes);
      }
      return { ratios, fullMs: quantile(fullTimes, percentile / 100) };
    },
    close: () => full.release(),
  };
}
