/** Gradients on an engine of this very thread: for engines that have their own parallelism, and as the oracle of the pool. */
import type { Engine } from '../engine/engine.ts';
import type { TensorData } from '../graph/program.ts';
import type { GradientPool } from './gradient-pool.ts';
import type { BatchShape, Objective } from './objective.ts';
import { gradientProgram, levelInput } from './objective.ts';

export interface EagerGradientOptions extends BatchShape {
  /** Patches per run of the network; must divide `batchSize`. @default `batchSize` */
  readonly microBatchSize?: number;
}

export async function createEagerGradients(
  objective: Objective,
  engine: Engine,
  { batchSize, lrPatchSize, microBatchSize = batchSize }: EagerGradientOptions,
): Promise<GradientPool> {
  const { size } = objective.layout;
  const microBatches = batchSize / microBatchSize;
  const executable = await engine.compile(gradientProgram(objective, { batchSize: microBatchSize, lrPatchSize }));
  const side = (level: number) => lrPatchSize * level;
  const images = new Map(
    objective.levels.map((level) => [level, new Float32Array(batchSize * side(level) ** 2 * 3)] as const),
  );
  const part = (level: number, batch: Float32Array, i: number): TensorData => {
    const length = batch.length / microBatches;
    const shape = [microBatchSize, side(level), side(level), 3];
    return { dtype: 'float32', shape, data: batch.subarray(i * length, (i + 1) * length) };
  };
  const gradient = new Float32Array(size);
  return {
    images,
    async compute(parameters) {
      gradient.fill(0);
      const batch = [...images].map(([level, data]) => [level, data.slice()] as const);
      let [primalLoss, dualLoss] = [0, 0];
      for (let i = 0; i < microBatches; i++) {
        const inputs = Object.fromEntries(batch.map(([level, data]) => [levelInput(level), part(level, data, i)]));
        const results = await executable.run({
          parameters: { dtype: 'float32', shape: [size], data: parameters },
          ...inputs,
        });
        const found = results['gradient'].data;
        for (let k = 0; k < size; k++) gradient[k] += found[k] / microBatches;
        primalLoss += results['primalLoss'].data[0] / microBatches;
        dualLoss += results['dualLoss'].data[0] / microBatches;
      }
      return { gradient, primalLoss, dualLoss };
    },
    close: () => executable.release(),
  };
}
