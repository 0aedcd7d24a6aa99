/** How step time grows with batch, pixels and parameters, and the trainer's memory for a large network. */

import { median } from '../src/core/measure/percentile.ts';
import { createNetwork } from '../src/core/network/create-network.ts';
import { countParameters } from '../src/core/network/network.ts';
import type { EdgeSpec } from '../src/core/network/spec.ts';
import { chooseMicroBatchSize } from '../src/trainer/train/step/micro-batch.ts';
import type { Benchmark, Goal, Row } from './benchmark.ts';
import { forkCase } from './fork-case.ts';
import { summarize, timingColumns } from './timing.ts';
import type { TrainStepConfig, TrainStepReport } from './train-step-case.ts';

interface Point {
  readonly varied: 'batch' | 'pixels' | 'parameters';
  readonly channels: number;
  readonly blocks: number;
  readonly batchSize: number;
  readonly lrPatchSize: number;
}

const MIDDLE = { channels: 32, blocks: 8, batchSize: 16, lrPatchSize: 32 } as const;
const POINTS: readonly Point[] = [
  ...[4, 8, 16, 32].map((batchSize) => ({ ...MIDDLE, varied: 'batch' as const, batchSize })),
  ...[24, 32, 48, 64].map((lrPatchSize) => ({ ...MIDDLE, varied: 'pixels' as const, lrPatchSize })),
  ...[4, 8, 12, 16].map((blocks) => ({ ...MIDDLE, varied: 'parameters' as const, blocks })),
];
const LARGE = { channels: 64, blocks: 16, batchSize: 16, lrPatchSize: 48 } as const;
const WORKERS = 2;

async function measure({ channels, blocks, batchSize, lrPatchSize }: Omit<Point, 'varied'>) {
  const spec: EdgeSpec = {
    family: 'edge',
    scale: 4,
    featureCount: channels,
    innerWidths: Array(blocks).fill(channels),
  };
  const network = createNetwork(spec);
  const microBatchSize = chooseMicroBatchSize(network, { batchSize, lrPatchSize, workers: WORKERS });
  const config: TrainStepConfig = {
    spec,
    dualWeight: 0.1,
    batchSize,
    lrPatchSize,
    microBatchSize,
    workers: WORKERS,
    warmUpSteps: 2,
    steps: 7,
  };
  const report = await forkCase<TrainStepReport>('train-step-case', config);
  const parameters = countParameters(network);
  const gflop = (6 * parameters * batchSize * lrPatchSize ** 2) / 1e9;
  const row: Row = {
    channels,
    blocks,
    parameters,
    batch: batchSize,
    patch: lrPatchSize,
    GFLOP: gflop,
    ...timingColumns(summarize(report.stepMs)),
    'ms/GFLOP': median(report.stepMs) / gflop,
    'peak RSS MiB': Math.round(report.peakRssMiB),
  };
  return { row, gflop, ms: median(report.stepMs), peakRssMiB: report.peakRssMiB };
}

/** Square of Pearson's correlation: 1 when all points lie on one line. */
function rSquared(points: readonly { readonly gflop: number; readonly ms: number }[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(({ gflop }) => gflop)), mean(points.map(({ ms }) => ms))];
  const sum = (of: (dx: number, dy: number) => number) =>
    points.reduce((total, { gflop, ms }) => total + of(gflop - x, ms - y), 0);
  return sum((dx, dy) => dx * dy) ** 2 / (sum((dx) => dx * dx) * sum((_, dy) => dy * dy));
}

export const trainScaling: Benchmark = {
  name: 'train-scaling',
  async run({ log }) {
    const rows: Row[] = [];
    const goals: Goal[] = [];
    const measured = new Map<Point['varied'], { readonly gflop: number; readonly ms: number }[]>();
    for (const point of POINTS) {
      log(`${point.varied}: ${point.blocks} blocks, batch ${point.batchSize}, patch ${point.lrPatchSize}`);
      const { row, ...figures } = await measure(point);
      rows.push({ varied: point.varied, ...row });
      measured.set(point.varied, [...(measured.get(point.varied) ?? []), figures]);
    }
    for (const [varied, points] of measured) {
      goals.push({
        name: `step time on a line over ${varied}: r squared`,
        wanted: { atLeast: 0.99 },
        value: rSquared(points),
      });
    }
    log(
      `memory: ${LARGE.channels} channels, ${LARGE.blocks} blocks, batch ${LARGE.batchSize}, patch ${LARGE.lrPatchSize}`,
    );
    const large = await measure(LARGE);
    rows.push({ varied: 'memory', ...large.row });
    goals.push({ name: 'peak memory of the largest, MiB', wanted: { below: 3072 }, value: large.peakRssMiB });
    return {
      tables: [{ title: `Training step of edge x4 against its size, dual weight 0.1, ${WORKERS} threads`, rows }],
      goals,
      notes: ['GFLOP: 6 x parameters of the primal network x positions of the batch.'],
    };
  },
};
