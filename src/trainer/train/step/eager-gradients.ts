/** Gradients on an engine of this very thread: for engines that have their own parallelism, and as the oracle of the pool. */
import type { Engine } from '../../../core/engine/engine.ts';
import type { TensorData } from '../../../core/graph/program.ts';
import { type GradientPool, LOSSES, meanLosses, nameBuffers } from './batch-gradient.ts';
import type { BatchShape, GradientProgram, Objective } from './objective.ts';
import { batchInputs, gradientProgram } from './objective.ts';

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
