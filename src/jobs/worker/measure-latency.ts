/** Latency of several models in turns, so that whatever else the machine does meets all of them. */

import type { Engine } from '../../core/engine/engine.ts';
import { openTimedNetwork } from '../../core/engine/served/timed-network.ts';
import type { StoredModel } from '../../core/models/load.ts';
import { createNetwork } from '../../core/network/create-network.ts';
import { processorTime } from '../../trainer/compress/latency/processor-time.ts';
import type { JudgeOrder } from '../queue/work-order.ts';
import type { MeasuredLatency } from '../rollout/judgement.ts';
import { percentileOf } from './percentile.ts';

const WARM_UP_RUNS = 3;
const MAX_RUNS = 60;
const MIN_RUNS = 10;
const MEASURE_MS = 2500;

export type LatencyConditions = Pick<JudgeOrder, 'latency' | 'threads' | 'provider'>;

/** Milliseconds of the network alone, without decoding and encoding. Throws DS_ENGINE. */
export async function measureLatency(
  engine: Engine,
  models: readonly StoredModel[],
  { latency: { width, height, percentile }, threads, provider }: LatencyConditions,
): Promise<MeasuredLatency[]> {
  // One thread of this processor: what else runs on the machine meanwhile is left out, as the compression's own tables leave it out.
  const isExact = threads === 1 && provider === 'cpu';
  const networks = await Promise.all(
    models.map(({ manifest, parameters }) =>
      openTimedNetwork(engine, createNetwork(manifest.spec), parameters, { width, height }),
    ),
  );
  const times = models.map((): number[] => []);
  const begun = performance.now();
  for (let run = -WARM_UP_RUNS; run < MAX_RUNS; run++) {
    if (run >= MIN_RUNS && performance.now() - begun > MEASURE_MS) break;
    for (const [i, network] of networks.entries()) {
      const [start, computed] = [performance.now(), processorTime()];
      await network.run();
      const wall = performance.now() - start;
      if (run >= 0) times[i].push(isExact ? Math.min(wall, processorTime() - computed) : wall);
    }
  }
  for (const network of networks) await network.release();
  const round = (ms: number) => Number(ms.toFixed(3));
  return times.map((runs) => ({
    medianMs: round(percentileOf(runs, 50)),
    percentileMs: round(percentileOf(runs, percentile)),
    percentile,
    width,
    height,
    runs: runs.length,
    threads,
  }));
}
