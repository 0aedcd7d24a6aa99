import { afterEach, describe, expect, test } from 'vitest';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { createTfjsEngine } from '../../../src/core/engine/tfjs/tfjs-engine.ts';
import { initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';
import { createGradientPool } from '../../../src/trainer/train/step/gradient-pool.ts';
import { createEagerGradients, type GradientPool } from '../../../src/trainer/train/step/gradients.ts';
import { createObjective } from '../../../src/trainer/train/step/objective.ts';
import { flattenParameters } from '../../../src/trainer/train/step/parameter-layout.ts';

const [batchSize, lrPatchSize] = [8, 8];
const objective = createObjective({ family: 'edge', scale: 2, featureCount: 6, innerWidths: [5] }, 0.1);
const random = createRandom(4);
const parameters = flattenParameters(
  objective.layout,
  Object.assign({}, ...[objective.primal, ...objective.duals].map((network) => initialiseParameters(network, random))),
);

const open: GradientPool[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((pool) => pool.close()));
});

/** One step of a pool on the same pictures as every other. */
async function compute(pool: GradientPool) {
  open.push(pool);
  const pixels = createRandom(9);
  for (const level of [1, 2]) {
    const image = pool.images.get(level) as Float32Array;
    for (let i = 0; i < image.length; i++) image[i] = pixels();
  }
  // Three pairs in eight: no micro-batch of two has their share of the batch.
  pool.pairWeights?.fill(0).fill(8 / 3, 0, 3);
  const { gradient, ...losses } = await pool.compute(parameters);
  return { gradient: gradient.slice(), ...losses };
}

function relativeDistance(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((value, i) => value - b[i])) / Math.hypot(...b);
}

describe('createGradientPool', () => {
  test('sums micro-batches of two workers to the gradient of the whole batch', async () => {
    const whole = await compute(await createEagerGradients(objective, createOnnxEngine(), { batchSize, lrPatchSize }));
    const cut = await compute(
      await createGradientPool(objective, { batchSize, lrPatchSize, workers: 2, microBatchSize: 2 }),
    );
    expect(Math.hypot(...whole.gradient)).toBeGreaterThan(0.01);
    expect(relativeDistance(cut.gradient, whole.gradient)).toBeLessThan(1e-6);
    expect(cut.primalLoss).toBeCloseTo(whole.primalLoss, 6);
    expect(cut.dualLoss).toBeCloseTo(whole.dualLoss, 6);
  });

  test.each([3, 9])('shares a batch of 8 among %i workers', async (workers) => {
    const whole = await compute(await createEagerGradients(objective, createOnnxEngine(), { batchSize, lrPatchSize }));
    const shared = await compute(await createGradientPool(objective, { batchSize, lrPatchSize, workers }));
    expect(relativeDistance(shared.gradient, whole.gradient)).toBeLessThan(1e-6);
  });

  test('counts pictures without ground truth as the whole batch does, however it is cut', async () => {
    const spec = objective.primal.spec as NetworkSpec;
    const mixed = createObjective(spec, 0.1, { hasUnpaired: true });
    const whole = await compute(await createEagerGradients(mixed, createOnnxEngine(), { batchSize, lrPatchSize }));
    const options = { batchSize, lrPatchSize, workers: 2, microBatchSize: 2 };
    const cut = await compute(await createGradientPool(mixed, options));
    expect(relativeDistance(cut.gradient, whole.gradient)).toBeLessThan(1e-6);
    expect(cut.primalLoss).toBeCloseTo(whole.primalLoss, 6);
    expect(cut.dualLoss).toBeCloseTo(whole.dualLoss, 6);
    // The first three of the batch alone, as an ordinary batch, have the same primal loss.
    const ordinary = await createEagerGradients(createObjective(spec, 0.1), createOnnxEngine(), {
      batchSize: 3,
      lrPatchSize,
    });
    open.push(ordinary);
    const pixels = createRandom(9);
    for (const level of [1, 2]) {
      const all = Float32Array.from({ length: 8 * (lrPatchSize * level) ** 2 * 3 }, pixels);
      ordinary.images.get(level)?.set(all.subarray(0, (3 * all.length) / 8));
    }
    expect(cut.primalLoss).toBeCloseTo((await ordinary.compute(parameters)).primalLoss, 6);
  });

  test('agrees with TF.js’ own kernels', async () => {
    const engine = await createTfjsEngine({ backend: 'cpu' });
    const eager = await compute(
      await createEagerGradients(objective, engine, { batchSize, lrPatchSize, microBatchSize: 4 }),
    );
    const pool = await compute(await createGradientPool(objective, { batchSize, lrPatchSize, workers: 1 }));
    expect(relativeDistance(pool.gradient, eager.gradient)).toBeLessThan(1e-5);
    expect(pool.primalLoss).toBeCloseTo(eager.primalLoss, 5);
  });

  test('gives the same bits each time', async () => {
    const pool = await createGradientPool(objective, { batchSize, lrPatchSize, workers: 2, microBatchSize: 2 });
    const [first, second] = [await compute(pool), await compute(pool)];
    open.pop();
    expect(second.gradient).toEqual(first.gradient);
  });

  test('leaves no worker out of an uneven batch', async () => {
    // Four micro-batches for three workers.
    const uneven = await createGradientPool(objective, { batchSize, lrPatchSize, workers: 3, microBatchSize: 2 });
    const even = await createGradientPool(objective, { batchSize, lrPatchSize, workers: 1 });
    const [a, b] = [await compute(uneven), await compute(even)];
    expect(relativeDistance(a.gradient, b.gradient)).toBeLessThan(1e-6);
  });
});
