import { beforeAll, describe, expect, test } from 'vitest';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { createTfjsEngine } from '../../../src/core/engine/tfjs/tfjs-engine.ts';
import type { TensorData } from '../../../src/core/graph/program.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';
import { tf } from '../../../src/core/tf.ts';
import { codeError } from '../../../src/trainer/train/step/losses.ts';
import { createObjective, gradientProgram, type ObjectiveExtras } from '../../../src/trainer/train/step/objective.ts';
import { flattenParameters } from '../../../src/trainer/train/step/parameter-layout.ts';
import { forwardOnCpu } from '../../helpers/forward-on-cpu.ts';

const edge: NetworkSpec = { family: 'edge', scale: 2, featureCount: 4, innerWidths: [3] };
const drn: NetworkSpec = { family: 'drn', scale: 4, featureCount: 4, blockCount: 1 };
const [batchSize, lrPatchSize] = [3, 4];

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const shapeAt = (level: number) => [batchSize, lrPatchSize * level, lrPatchSize * level, 3];

function createBatch(levels: readonly number[]) {
  const random = createRandom(7);
  return new Map(
    levels.map((level): [number, TensorData] => {
      const shape = shapeAt(level);
      return [
        level,
        { dtype: 'float32', shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, random) },
      ];
    }),
  );
}

function prepare(spec: NetworkSpec, extras: ObjectiveExtras = {}, dualWeight = 0.1) {
  const objective = createObjective(spec, dualWeight, extras);
  const random = createRandom(3);
  const networks = [objective.primal, ...objective.duals];
  const values = Object.assign({}, ...networks.map((network) => initialiseParameters(network, random)));
  return {
    objective,
    values,
    flat: flattenParameters(objective.layout, values),
    images: createBatch(objective.levels),
  };
}

type Prepared = ReturnType<typeof prepare>;

async function run({ objective, flat, images }: Prepared, pairWeights?: readonly number[], isEager = false) {
  const engine = isEager ? await createTfjsEngine({ backend: 'cpu' }) : createOnnxEngine();
  const executable = await engine.compile(gradientProgram(objective, { batchSize, lrPatchSize }));
  const float32 = (shape: readonly number[], data: Float32Array) => ({ dtype: 'float32' as const, shape, data });
  const results = await executable.run({
    ...Object.fromEntries([...images].map(([level, image]) => [`image${level}`, image])),
    parameters: float32([flat.length], flat),
    ...(pairWeights ? { pairWeights: float32([batchSize], Float32Array.from(pairWeights)) } : {}),
  });
  await executable.release();
  return {
    gradient: results['gradient'].data as Float32Array,
    primal: results['primalLoss'].data[0],
    dual: results['dualLoss'].data[0],
    distill: results['distillLoss']?.data[0],
  };
}

/** Mean absolute difference of one patch of two batches. */
function distance(a: TensorData, b: TensorData | undefined, patch: number): number {
  expect(a.shape).toEqual(b?.shape);
  const length = a.data.length / batchSize;
  let sum = 0;
  for (let i = patch * length; i < (patch + 1) * length; i++) sum += Math.abs(a.data[i] - (b as TensorData).data[i]);
  return sum / length;
}

const patches = [0, 1, 2];
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;

function relativeDistance(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((value, i) => value - b[i])) / Math.hypot(...b);
}

describe('pictures without ground truth', () => {
  test('count in the dual loss of edge and not in the primal loss', async () => {
    const prepared = prepare(edge, { hasUnpaired: true });
    const { objective, values, images } = prepared;
    const [enlarged] = await forwardOnCpu(values, objective.primal, images.get(1) as TensorData);
    const [reduced] = await forwardOnCpu(values, objective.duals[0], enlarged);
    for (const isEager of [false, true]) {
      const { primal, dual } = await run(prepared, [1.5, 1.5, 0], isEager);
      expect(primal).toBeCloseTo(mean([0, 1].map((patch) => distance(enlarged, images.get(2), patch))), 5);
      expect(dual).toBeCloseTo(mean(patches.map((patch) => distance(reduced, images.get(1), patch))), 5);
    }
  });

  test('are reduced by all smaller duals of drn, since only the input is there to compare with', async () => {
    const prepared = prepare(drn, { hasUnpaired: true });
    const { objective, values, images } = prepared;
    const [, x2, x4] = await forwardOnCpu(values, objective.primal, images.get(1) as TensorData);
    const [x2to1] = await forwardOnCpu(values, objective.duals[0], x2);
    const [x4to2] = await forwardOnCpu(values, objective.duals[1], x4);
    const [x4to1] = await forwardOnCpu(values, objective.duals[0], x4to2);
    const expected = patches.map((patch) => {
      const largest = patch === 0 ? distance(x4to2, images.get(2), 0) : distance(x4to1, images.get(1), patch);
      return distance(x2to1, images.get(1), patch) + largest;
    });
    expect((await run(prepared, [3, 0, 0])).dual).toBeCloseTo(mean(expected), 5);
  });

  test.each([edge, drn])('alone give the gradient of the dual term alone: $family', async (spec) => {
    const slope = async (dualWeight: number) =>
      (await run(prepare(spec, { hasUnpaired: true }, dualWeight), [0, 0, 0])).gradient;
    const [once, thrice] = [await slope(0.1), await slope(0.3)];
    expect(Math.hypot(...once)).toBeGreaterThan(1e-3);
    expect(
      relativeDistance(
        thrice,
        once.map((value) => 3 * value),
      ),
    ).toBeLessThan(1e-5);
    if (spec.family === 'drn') return;
    // The plain program knows no weights: the primal loss and the dual loss at two weights tell its terms apart.
    const plain = async (dualWeight: number) => (await run(prepare(spec, {}, dualWeight))).gradient;
    const [weak, strong] = [await plain(0.1), await plain(0.2)];
    expect(
      relativeDistance(
        once,
        strong.map((value, i) => value - weak[i]),
      ),
    ).toBeLessThan(1e-3);
  });

  test.each([edge, drn])('change nothing where there are none: $family', async (spec) => {
    const [masked, plain] = [await run(prepare(spec, { hasUnpaired: true }), [1, 1, 1]), await run(prepare(spec))];
    expect(masked.primal).toBeCloseTo(plain.primal, 6);
    expect(masked.dual).toBeCloseTo(plain.dual, 6);
    expect(relativeDistance(masked.gradient, plain.gradient)).toBeLessThan(1e-5);
  });

  test('cost a run without them nothing: its program takes no weights', () => {
    const inputs = (extras: ObjectiveExtras) =>
      Object.keys(gradientProgram(createObjective(edge, 0.1, extras), { batchSize, lrPatchSize }).inputs);
    expect(inputs({})).toEqual(['parameters', 'image1', 'image2']);
    expect(inputs({ hasUnpaired: true })).toEqual(['parameters', 'image1', 'image2', 'pairWeights']);
  });

  test('need a dual network', () => {
    expect(() => createObjective(edge, 0, { hasUnpaired: true })).toThrow(/`--unpaired`.*dual weight/);
  });
});

describe('a teacher', () => {
  const teacherSpec: NetworkSpec = { family: 'edge', scale: 2, featureCount: 6, innerWidths: [6, 6] };
  const parameters = initialiseParameters(createNetwork(teacherSpec), createRandom(5));
  const teacher = (weight: number) => ({ spec: teacherSpec, parameters, weight });

  test('adds the mean distance to its images, weighted', async () => {
    const prepared = prepare(edge, { teacher: teacher(2) });
    const { objective, values, images } = prepared;
    const [enlarged] = await forwardOnCpu(values, objective.primal, images.get(1) as TensorData);
    const [taught] = await forwardOnCpu(parameters, createNetwork(teacherSpec), images.get(1) as TensorData);
    const { distill, gradient, primal } = await run(prepared);
    expect(distill).toBeCloseTo(mean(patches.map((patch) => distance(enlarged, taught, patch))), 5);
    // The teacher's image as ground truth: its distance is then the primal loss, and its gradient that of the primal loss.
    const withTruth = { ...prepare(edge), images: new Map([...images, [2, taught] as const]) };
    const [asTruth, plain] = [await run(withTruth), await run(prepare(edge))];
    expect(asTruth.primal).toBeCloseTo(distill as number, 6);
    expect(primal).toBeCloseTo(plain.primal, 6);
    const dualOnly = (await run({ ...prepare(edge, { hasUnpaired: true }), images }, [0, 0, 0])).gradient;
    const expected = plain.gradient.map((value, i) => value + 2 * (asTruth.gradient[i] - dualOnly[i]));
    expect(gradient.length).toBe(objective.layout.size);
    expect(relativeDistance(gradient, expected)).toBeLessThan(1e-4);
  });

  test('gives the same on TF.js in plain JavaScript', async () => {
    const prepared = prepare(edge, { teacher: teacher(1) });
    const [onnx, eager] = [await run(prepared), await run(prepared, undefined, true)];
    expect(eager.distill).toBeCloseTo(onnx.distill as number, 5);
    expect(relativeDistance(onnx.gradient, eager.gradient)).toBeLessThan(1e-4);
  });

  test('has the scale of its student', () => {
    expect(() => createObjective({ ...edge, scale: 3 }, 0.1, { teacher: teacher(1) })).toThrow(
      /expected `--teacher` to be a model of scale 3, got `one of scale 2`/,
    );
  });
});

describe("the error of an estimated code (Huber's loss)", () => {
  const at = (errors: readonly number[]) =>
    codeError(tf.tensor4d([...errors], [2, 1, 1, 2]), tf.zeros([2, 2])).dataSync()[0];

  test('grows with the square of small errors and in proportion to large ones', () => {
    expect(at([0.05, 0.05, -0.05, -0.05])).toBeCloseTo(0.05 ** 2 / 0.2, 6);
    expect(at([0.3, -0.3, 0.5, 0.5])).toBeCloseTo((2 * 0.25 + 2 * 0.45) / 4, 6);
  });

  test('counts only pictures whose degradation is known', () => {
    const estimate = tf.tensor4d([0.3, 0.3, 0.9, 0.9], [2, 1, 1, 2]);
    expect(codeError(estimate, tf.zeros([2, 2]), tf.tensor1d([2, 0])).dataSync()[0]).toBeCloseTo(0.25, 6);
  });
});
