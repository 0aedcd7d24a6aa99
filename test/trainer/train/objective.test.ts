import { beforeAll, describe, expect, test } from 'vitest';
import type { Executable } from '../../../src/core/engine/engine.ts';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { createTfjsEngine } from '../../../src/core/engine/tfjs/tfjs-engine.ts';
import type { TensorData } from '../../../src/core/graph/program.ts';
import { initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';
import { tf } from '../../../src/core/tf.ts';
import { createObjective, gradientProgram } from '../../../src/trainer/train/step/objective.ts';
import { flattenParameters } from '../../../src/trainer/train/step/parameter-layout.ts';
import { forwardOnCpu } from '../../helpers/forward-on-cpu.ts';

const edge: NetworkSpec = { family: 'edge', scale: 2, featureCount: 4, innerWidths: [3] };
const drn: NetworkSpec = { family: 'drn', scale: 4, featureCount: 4, blockCount: 1 };
const [batchSize, lrPatchSize] = [1, 4];

function prepare(spec: NetworkSpec, dualWeight: number) {
  const objective = createObjective(spec, dualWeight);
  const random = createRandom(7);
  const values = Object.assign(
    {},
    ...[objective.primal, ...objective.duals].map((network) => initialiseParameters(network, random)),
  );
  const images = new Map(
    objective.levels.map((level): [number, TensorData] => {
      const shape = [batchSize, lrPatchSize * level, lrPatchSize * level, 3];
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, random);
      return [level, { dtype: 'float32', shape, data }];
    }),
  );
  const inputs = Object.fromEntries([...images].map(([level, image]) => [`image${level}`, image]));
  const flat = flattenParameters(objective.layout, values);
  return { objective, values, images, inputs, flat };
}

type Prepared = ReturnType<typeof prepare>;

async function run(executable: Executable, { inputs }: Prepared, flat: Float32Array) {
  const parameters = { dtype: 'float32', shape: [flat.length], data: flat } as const;
  const { gradient, primalLoss, dualLoss } = await executable.run({ ...inputs, parameters });
  return { gradient: gradient.data, primal: primalLoss.data[0], dual: dualLoss.data[0] };
}

/** Mean absolute difference of two images, in plain numbers. */
function meanDifference(a: TensorData, b: TensorData | undefined): number {
  expect(a.shape).toEqual(b?.shape);
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += Math.abs(a.data[i] - (b as TensorData).data[i]);
  return sum / a.data.length;
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const compile = async ({ objective }: Prepared) =>
  (await createTfjsEngine({ backend: 'cpu' })).compile(gradientProgram(objective, { batchSize, lrPatchSize }));

describe('the losses', () => {
  test('of edge are the L1 loss of its image, and of the small image its dual gets back', async () => {
    const prepared = prepare(edge, 0.1);
    const { objective, images } = prepared;
    const [enlarged] = await forwardOnCpu(prepared.values, objective.primal, images.get(1) as TensorData);
    const [reduced] = await forwardOnCpu(prepared.values, objective.duals[0], enlarged);
    const { primal, dual } = await run(await compile(prepared), prepared, prepared.flat);
    expect(primal).toBeCloseTo(meanDifference(enlarged, images.get(2)), 6);
    expect(dual).toBeCloseTo(meanDifference(reduced, images.get(1)), 6);
  });

  test('of drn sum all its images, and each dual against the next smaller level', async () => {
    const prepared = prepare(drn, 0.1);
    const { objective, images } = prepared;
    const [x1, x2, x4] = await forwardOnCpu(prepared.values, objective.primal, images.get(1) as TensorData);
    const expectedPrimal =
      meanDifference(x1, images.get(1)) + meanDifference(x2, images.get(2)) + meanDifference(x4, images.get(4));
    const [from2] = await forwardOnCpu(prepared.values, objective.duals[0], x2);
    const [from4] = await forwardOnCpu(prepared.values, objective.duals[1], x4);
    const expectedDual = meanDifference(from2, images.get(1)) + meanDifference(from4, images.get(2));
    const { primal, dual } = await run(await compile(prepared), prepared, prepared.flat);
    expect(primal).toBeCloseTo(expectedPrimal, 5);
    expect(dual).toBeCloseTo(expectedDual, 5);
  });
});

describe('the dual weight', () => {
  test('of 0 leaves the dual networks out', async () => {
    const { objective } = prepare(edge, 0);
    expect(objective.duals).toEqual([]);
    const names = objective.layout.slots.map(({ name }) => name);
    expect(names).toEqual(objective.primal.parameters.map(({ name }) => name));
    const prepared = prepare(edge, 0);
    expect((await run(await compile(prepared), prepared, prepared.flat)).dual).toBe(0);
  });

  test('scales the gradient of the dual networks', async () => {
    const [weak, strong] = [prepare(edge, 0.1), prepare(edge, 0.3)];
    const first = weak.objective.layout.slots.find(({ name }) => name.startsWith('dual'))?.offset as number;
    const [a, b] = await Promise.all(
      [weak, strong].map(async (p) => (await run(await compile(p), p, p.flat)).gradient),
    );
    expect(first).toBeGreaterThan(0);
    expect(a.subarray(first).some((value) => value !== 0)).toBe(true);
    for (let i = first; i < a.length; i++) expect(b[i]).toBeCloseTo(3 * a[i], 5);
  });
});

describe.each([edge, drn])('the gradient of $family', (spec) => {
  test('is the slope of the total loss in every direction tried', async () => {
    const prepared = prepare(spec, 0.1);
    const executable = await createOnnxEngine().compile(
      gradientProgram(prepared.objective, { batchSize, lrPatchSize }),
    );
    const { flat } = prepared;
    const gradient = (await run(executable, prepared, flat)).gradient as Float32Array;
    const total = async (moved: Float32Array) => {
      const { primal, dual } = await run(executable, prepared, moved);
      return primal + 0.1 * dual;
    };
    const random = createRandom(11);
    for (let trial = 0; trial < 3; trial++) {
      // Mostly along the gradient, so that the slope stands out from the rounding of float32.
      const direction = gradient.map((g) => g + (random() - 0.5) * 0.02);
      const length = Math.hypot(...direction);
      const step = 2e-3 / length;
      const plus = await total(flat.map((value, i) => value + step * direction[i]));
      const minus = await total(flat.map((value, i) => value - step * direction[i]));
      const slope = gradient.reduce((sum, g, i) => sum + (g * direction[i]) / length, 0);
      expect((plus - minus) / (2 * step * length) / slope).toBeCloseTo(1, 1);
    }
  });
});
