/** Latency of several models in turns, so that whatever else the machine does meets all of them. */

import type { Engine } from '../../core/engine/engine.ts';
import { openTimedNetwork } from '../../core/engine/served/timed-network.ts';
import { processorTime, timeInTurns } from '../../core/measure/latency.ts';
import { median, percentile as percentileOf } from '../../core/measure/percentile.ts';
import type { StoredModel } from '../../core/models/load.ts';
import { createNetwork } from '../../core/network/create-network.ts';
import type { LatencyConditions } from '../queue/job-spec.ts';
import type { MeasuredLatency } from '../rollout/evaluation.ts';

const WARM_UP_RUNS = 3;
const MAX_RUNS = 60;
const MIN_RUNS = 10;
const MEASURE_MS = 2500;

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
  const options = { warmUpRuns: WARM_UP_RUNS, rounds: MAX_RUNS, minRounds: MIN_RUNS, maxMs: MEASURE_MS };
  const times = await timeInTurns(networks, { ...options, processorTime: isExact ? processorTime : undefined });
  for (const network of networks) await network.release();
  const round = (ms: number) => Number(ms.toFixed(3));
  return times
    .map((rounds) => rounds.flat())
    .map((runs) => ({
      medianMs: round(median(runs)),
      percentileMs: round(percentileOf(runs, percentile)),
      percentile,
      width,
      height,
      runs: runs.length,
      threads,
    }));
}
