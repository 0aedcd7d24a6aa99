/** How fast a whole training step is: gradients on the pool, then Adam, clipping and the moving average. */

import { median } from '../src/core/measure/percentile.ts';
import { createNetwork } from '../src/core/network/create-network.ts';
import { countParameters } from '../src/core/network/network.ts';
import type { EdgeSpec } from '../src/core/network/spec.ts';
import type { Benchmark, BenchOptions, Goal, Row } from './benchmark.ts';
import { forkCase } from './fork-case.ts';
import { findTorch, torchStep } from './peers/torch-step.ts';
import { summarize, timingColumns } from './timing.ts';
import type { TrainStepConfig, TrainStepReport } from './train-step-case.ts';

const SHAPE = { batchSize: 16, lrPatchSize: 48, workers: 2, warmUpSteps: 2, steps: 7 } as const;
const BLOCKS = 8;
const DUAL_WEIGHTS = [0.1, 0];
const MICRO_BATCH_SIZES = [1, 2, 8];

/** GFLOP/s wanted of a step with the dual network, by channels. */
const WANTED: ReadonlyMap<number, number> = new Map([
  [32, 80],
  [64, 115],
]);

/** Forward, input gradient and filter gradient are one multiply-add each per parameter and position: 6 operations. */
function stepGflop(spec: EdgeSpec): number {
  const positions = SHAPE.batchSize * SHAPE.lrPatchSize ** 2;
  return (6 * countParameters(createNetwork(spec)) * positions) / 1e9;
}

function toRow(engine: string, config: Omit<TrainStepConfig, 'microBatchSize'>, stepMs: readonly number[]): Row {
  const { featureCount } = config.spec;
  return {
    channels: featureCount,
    engine,
    dual: config.dualWeight,
    ...timingColumns(summarize(stepMs)),
    'GFLOP/s': stepGflop(config.spec) / (median(stepMs) / 1000),
  };
}

async function measureOurs(config: Omit<TrainStepConfig, 'microBatchSize'>, log: BenchOptions['log']): Promise<Row[]> {
  const rows: Row[] = [];
  for (const microBatchSize of MICRO_BATCH_SIZES) {
    log(`${config.spec.featureCount} channels, dual weight ${config.dualWeight}, micro-batches of ${microBatchSize}`);
    const report = await forkCase<TrainStepReport>('train-step-case', { ...config, microBatchSize });
    rows.push({
      ...toRow(`onnx, micro-batch ${microBatchSize}`, config, report.stepMs),
      'peak RSS MiB': Math.round(report.peakRssMiB),
      'set up ms': Math.round(report.setUpMs),
    });
  }
  return rows;
}

/** The faster micro-batch size counts: the trainer is free to choose it. */
function findGoals(rows: readonly Row[]): Goal[] {
  return [...WANTED].map(([channels, atLeast]) => {
    const own = rows.filter((row) => row['channels'] === channels && row['dual'] === 0.1);
    const value = Math.max(...own.map((row) => row['GFLOP/s'] as number));
    return { name: `GFLOP/s of a training step, ${channels} channels, dual weight 0.1`, wanted: { atLeast }, value };
  });
}

export const trainStep: Benchmark = {
  name: 'train-step',
  async run({ log, pythons }) {
    const python = await findTorch(pythons);
    const ours: Row[] = [];
    const peers: Row[] = [];
    for (const featureCount of WANTED.keys()) {
      const spec: EdgeSpec = { family: 'edge', scale: 4, featureCount, innerWidths: Array(BLOCKS).fill(featureCount) };
      for (const dualWeight of DUAL_WEIGHTS) {
        const config = { ...SHAPE, spec, dualWeight };
        ours.push(...(await measureOurs(config, log)));
        if (python === undefined) continue;
        log(`${featureCount} channels, dual weight ${dualWeight}, PyTorch`);
        const { version, stepMs } = await torchStep(python, { ...config, microBatchSize: SHAPE.batchSize });
        peers.push(toRow(`PyTorch ${version}`, config, stepMs));
      }
    }
    const { batchSize, lrPatchSize, workers } = SHAPE;
    const title = `Training step: edge x4, ${BLOCKS} blocks, batch ${batchSize}, LR patch ${lrPatchSize}, ${workers} threads`;
    return {
      tables: [{ title, rows: [...ours, ...peers] }],
      goals: findGoals(ours),
      notes: [
        'GFLOP/s: 6 x parameters of the primal network x 36,864 positions, over the median; the dual network is work that is not counted.',
        'Peak RSS: the process with its workers, sessions and the batch; no data set is loaded.',
        python === undefined
          ? `PyTorch: not available (no torch in ${pythons.join(' or ')}).`
          : `PyTorch (${python}): ${workers} threads, channels-last, Adam, clipping and average as ours.`,
      ],
    };
  },
};
