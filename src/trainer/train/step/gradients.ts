/** What every way of computing a batch's gradient takes and gives back. */

import type { Engine } from '../../../core/engine/engine.ts';
import type { TensorData } from '../../../core/graph/program.ts';
import {
  type BatchShape,
  batchInputs,
  CODES,
  CODES_GIVEN,
  type GradientProgram,
  gradientProgram,
  levelInput,
  type Objective,
  PAIR_WEIGHTS,
} from './objective.ts';

/** The losses that a gradient program reports; the last two only with a teacher and with a degradation code. */
export const LOSSES = ['primalLoss', 'dualLoss', 'distillLoss', 'codeLoss'] as const;

export interface BatchLosses {
  readonly primalLoss: number;
  /** Unweighted. */
  readonly dualLoss: number;
  /** Unweighted; present with a teacher. */
  readonly distillLoss?: number;
  /** Error of the estimated codes (`codeError`), unweighted; present where the network has a code. */
  readonly codeLoss?: number;
}

export interface BatchGradient extends BatchLosses {
  /** Mean over the batch, [P]; overwritten by the next call. */
  readonly gradient: Float32Array;
}

/** Where the next batch is put. */
export interface BatchBuffers {
  /** The batch's images by level, [n, level*h, level*h, 3] in 0..1. */
  readonly images: ReadonlyMap<number, Float32Array>;
  /** `Batch.pairWeights` [n]; present when batches may hold pictures without ground truth. */
  readonly pairWeights?: Float32Array;
  /** `KnownDegradation`, [n, width] and [n]; present where the network has a degradation code. */
  readonly codes?: Float32Array;
  readonly codesGiven?: Float32Array;
}

export interface GradientPool extends BatchBuffers {
  /** Takes the buffers as they are when it is called; the next batch may be put in while it runs. */
  compute(parameters: Float32Array): Promise<BatchGradient>;
  close(): Promise<void>;
}

/** The buffers by what they hold, out of those by the program's input. */
export function nameBuffers({ levels }: Objective, buffers: ReadonlyMap<string, Float32Array>): BatchBuffers {
  const [pairWeights, codes, codesGiven] = [PAIR_WEIGHTS, CODES, CODES_GIVEN].map((name) => buffers.get(name));
  return {
    images: new Map(levels.map((level) => [level, buffers.get(levelInput(level)) as Float32Array])),
    pairWeights,
    codes: codes && codesGiven ? codes : undefined,
    codesGiven: codes && codesGiven ? codesGiven : undefined,
  };
}

/** @param sums over micro-batches, in the order of `LOSSES`. */
export function meanLosses({ teacher, primal }: Objective, sums: readonly number[], microBatches: number): BatchLosses {
  const [primalLoss, dualLoss, distillLoss, codeLoss] = sums.map((sum) => sum / microBatches);
  return {
    primalLoss,
    dualLoss,
    distillLoss: teacher ? distillLoss : undefined,
    codeLoss: primal.estimate ? codeLoss : undefined,
  };
}

export interface EagerGradientOptions extends BatchShape {
  /** Patches per run of the network; must divide `batchSize`. @default `batchSize` */
  readonly microBatchSize?: number;
  /** Another program with the inputs and outputs of `gradientProgram`, which is the default. */
  readonly program?: GradientProgram;
}

export async function createEagerGradients(
  objective: Objective,
  engine: Engine,
  { batchSize, lrPatchSize, microBatchSize = batchSize, program = gradientProgram }: EagerGradientOptions,
): Promise<GradientPool> {
  const { size } = objective.layout;
  const microBatches = batchSize / microBatchSize;
  const executable = await engine.compile(program(objective, { batchSize: microBatchSize, lrPatchSize }));
  const specs = Object.entries(batchInputs(objective, { batchSize, lrPatchSize }));
  const next = new Map(specs.map(([name, { shape }]) => [name, new Float32Array(shape.reduce((a, b) => a * b))]));
  const part = (name: string, shape: readonly number[], batch: Float32Array, i: number): [string, TensorData] => {
    const length = batch.length / microBatches;
    const data = batch.subarray(i * length, (i + 1) * length);
    return [name, { dtype: 'float32', shape: [microBatchSize, ...shape.slice(1)], data }];
  };
  const gradient = new Float32Array(size);
  return {
    ...nameBuffers(objective, next),
    async compute(values) {
      gradient.fill(0);
      const parameters = { dtype: 'float32', shape: [size], data: values } as const;
      const batch = new Map([...next].map(([name, data]) => [name, data.slice()]));
      const lossSums = LOSSES.map(() => 0);
      for (let i = 0; i < microBatches; i++) {
        const parts = specs.map(([name, { shape }]) => part(name, shape, batch.get(name) as Float32Array, i));
        const results = await executable.run({ parameters, ...Object.fromEntries(parts) });
        const found = results['gradient'].data;
        for (let k = 0; k < size; k++) gradient[k] += found[k] / microBatches;
        for (const [k, name] of LOSSES.entries()) lossSums[k] += results[name]?.data[0] ?? 0;
      }
      return { gradient, ...meanLosses(objective, lossSums, microBatches) };
    },
    close: () => executable.release(),
  };
}
