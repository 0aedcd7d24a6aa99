import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import type { Program, TensorData } from '../../../src/core/graph/program.ts';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import { channelAttention } from '../../../src/core/network/drn.ts';
import { pixelShuffle, pixelUnshuffle } from '../../../src/core/network/layers.ts';
import type { Parameters } from '../../../src/core/network/network.ts';
import type { DrnSpec, DualSpec, EdgeSpec } from '../../../src/core/network/spec.ts';
import { bicubicUpsample } from '../../../src/core/network/upsample.ts';
import { type Tensor, type Tensor1D, type Tensor4D, tf } from '../../../src/core/tf.ts';
import { expectSame, runOnnx, specOf, uniform } from '../../helpers/programs.ts';

type Values = Record<string, TensorData>;
type Function = (inputs: Readonly<Record<string, Tensor>>) => Tensor;

const DIRECTIONS = 3;

/** Adds `amount` times `direction` to every input. */
function moved(values: Values, direction: Values, amount: number): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, { data, ...rest }]) => {
      const along = direction[name]?.data as Float32Array;
      return [name, { ...rest, data: Float32Array.from(data, (value, i) => value + amount * (along[i] as number)) }];
    }),
  );
}

function dot(a: TensorData, b: TensorData): number {
  return (a.data as Float32Array).reduce((sum, value, i) => sum + value * (b.data[i] as number), 0);
}

const specsOf = (values: Values) =>
  Object.fromEntries(Object.entries(values).map(([name, data]) => [name, specOf(data)]));

const forwardOf = (f: Function, values: Values): Program => ({
  name: 'forward',
  inputs: specsOf(values),
  run: (tensors) => ({ result: f(tensors) }),
});

/** The gradient of sum(f * weights) with respect to every value. */
function backwardOf(f: Function, values: Values, weights: TensorData): Program {
  const names = Object.keys(values);
  return {
    name: 'backward',
    inputs: { ...specsOf(values), weights: specOf(weights) },
    run: ({ weights, ...tensors }) => {
      const loss = (...list: Tensor[]) =>
        tf.sum(
          tf.mul(f(Object.fromEntries(names.map((name, i) => [name, list[i] as Tensor]))), weights as Tensor),
        ) as never;
      const gradients = tf.grads(loss)(names.map((name) => tensors[name] as Tensor));
      return Object.fromEntries(names.map((name, i) => [`d ${name}`, gradients[i] as Tensor]));
    },
  };
}

/**
 * Compares the gradient of sum(f * r), r fixed and random, with central differences along random directions in all inputs at
 * once. The sum is done here in double precision, so that it adds no rounding: what remains is about 1e-7 / step of the values of f.
 */
async function expectGradient(f: Function, values: Values, step = 1e-2, tolerance = 2e-3): Promise<void> {
  const names = Object.keys(values);
  const forward = await createOnnxEngine().compile(forwardOf(f, values));
  const evaluate = async (at: Values) => (await forward.run(at))['result'] as TensorData;
  const weights = uniform((await evaluate(values)).shape);
  const gradients = await runOnnx(backwardOf(f, values, weights), { ...values, weights });
  const loss = async (at: Values) => dot(await evaluate(at), weights);
  for (let i = 0; i < DIRECTIONS; i++) {
    const direction = Object.fromEntries(
      names.map((name) => [name, uniform((values[name] as TensorData).shape, -1, 1)]),
    );
    const along =
      ((await loss(moved(values, direction, step))) - (await loss(moved(values, direction, -step)))) / (2 * step);
    const parts = names.map((name) => dot(gradients[`d ${name}`] as TensorData, direction[name] as TensorData));
    const derivative = parts.reduce((sum, part) => sum + part, 0);
    const size = Math.max(1, ...parts.map(Math.abs));
    expect(Math.abs(derivative - along) / size, `${derivative} against ${along}`).toBeLessThan(tolerance);
  }
  await forward.release();
}

/** Random values no closer to zero than `gap`, so that a step does not cross the kink there. */
function awayFromZero(shape: readonly number[], gap = 0.1): TensorData {
  const { data, ...rest } = uniform(shape);
  return { ...rest, data: Float32Array.from(data, (value) => value + gap * Math.sign(value)) };
}

const IMAGE = [2, 5, 6, 3];

describe('gradients of convolutions agree with finite differences', () => {
  const geometries = [1, 2].flatMap((stride) =>
    (['same', 'valid', 1] as const).flatMap((pad) => [1, 3, 5].map((kernel) => ({ stride, pad, kernel }))),
  );
  it.each(geometries)('stride $stride, pad $pad, kernel $kernel', async ({ stride, pad, kernel }) => {
    await expectGradient(
      ({ x, filter, bias }) => tf.add(tf.conv2d(x as Tensor4D, filter as Tensor4D, stride, pad), bias as Tensor1D),
      { x: uniform(IMAGE), filter: uniform([kernel, kernel, 3, 4], -0.5, 0.5), bias: uniform([4]) },
    );
  });
});

const SIMPLE: Record<string, { f: Function; values: Values }> = {
  relu: { f: ({ x }) => tf.relu(x as Tensor), values: { x: awayFromZero(IMAGE) } },
  'leaky ReLU': { f: ({ x }) => tf.leakyRelu(x as Tensor, 0.2), values: { x: awayFromZero(IMAGE) } },
  abs: { f: ({ x }) => tf.abs(x as Tensor), values: { x: awayFromZero(IMAGE) } },
  sigmoid: { f: ({ x }) => tf.sigmoid(x as Tensor), values: { x: uniform(IMAGE) } },
  tanh: { f: ({ x }) => tf.tanh(x as Tensor), values: { x: uniform(IMAGE) } },
  'square root': { f: ({ x }) => tf.sqrt(x as Tensor), values: { x: uniform(IMAGE, 0.5, 2) } },
  softmax: { f: ({ x }) => tf.softmax(x as Tensor), values: { x: uniform(IMAGE) } },
  'mean of all': { f: ({ x }) => tf.mean(tf.square(x as Tensor)), values: { x: uniform(IMAGE) } },
  'mean over pixels': { f: ({ x }) => tf.mean(tf.square(x as Tensor), [1, 2], true), values: { x: uniform(IMAGE) } },
  'sum over channels': { f: ({ x }) => tf.sum(tf.square(x as Tensor), 3), values: { x: uniform(IMAGE) } },
  maximum: {
    f: ({ x, y }) => tf.maximum(x as Tensor, y as Tensor),
    values: { x: awayFromZero(IMAGE), y: uniform(IMAGE, -0.05, 0.05) },
  },
  'product with [C]': {
    f: ({ x, y }) => tf.mul(x as Tensor, y as Tensor),
    values: { x: uniform(IMAGE), y: uniform([3]) },
  },
  'quotient with [H,W,1]': {
    f: ({ x, y }) => tf.div(x as Tensor, y as Tensor),
    values: { x: uniform(IMAGE), y: uniform([5, 6, 1], 1, 2) },
  },
  'matrix product': {
    f: ({ x, y }) => tf.matMul(x as Tensor, y as Tensor),
    values: { x: uniform([2, 3, 4]), y: uniform([2, 4, 5]) },
  },
  'matrix product, B turned': {
    f: ({ x, y }) => tf.matMul(x as Tensor, y as Tensor, false, true),
    values: { x: uniform([3, 4]), y: uniform([5, 4]) },
  },
  concat: {
    f: ({ x, y }) => tf.square(tf.concat([x as Tensor, y as Tensor], 3)),
    values: { x: uniform(IMAGE), y: uniform([2, 5, 6, 2]) },
  },
  stack: {
    f: ({ x, y }) => tf.square(tf.stack([x as Tensor, y as Tensor], 1)),
    values: { x: uniform([3, 4]), y: uniform([3, 4]) },
  },
  split: {
    f: ({ x }) => {
      const [a, b] = tf.split(x as Tensor, [1, 2], 3) as [Tensor, Tensor];
      return tf.mul(a, b);
    },
    values: { x: uniform(IMAGE) },
  },
  'tile over channels': { f: ({ x }) => tf.square(tf.tile(x as Tensor, [1, 1, 1, 4])), values: { x: uniform(IMAGE) } },
  pad: { f: ({ x }) => tf.square(tf.pad(x as Tensor, [[0, 0], [1, 2], [0, 1], [0, 0]])), values: { x: uniform(IMAGE) } }, // biome-ignore format: short
  slice: { f: ({ x }) => tf.square(tf.slice(x as Tensor, [0, 1, 2, 0], [2, 2, 3, 3])), values: { x: uniform(IMAGE) } },
  'pixel shuffle': { f: ({ x }) => tf.square(pixelShuffle(x as Tensor4D, 2)), values: { x: uniform([2, 3, 4, 12]) } },
  'pixel unshuffle': {
    f: ({ x }) => tf.square(pixelUnshuffle(x as Tensor4D, 2)),
    values: { x: uniform([2, 6, 4, 3]) },
  },
  'pixel shuffle after a convolution': {
    f: ({ x, filter }) => pixelShuffle(tf.conv2d(x as Tensor4D, filter as Tensor4D, 1, 'same'), 3),
    values: { x: uniform(IMAGE), filter: uniform([3, 3, 3, 18]) },
  },
  // TF.js' own gradient with respect to a mirrored value ignores the border, so only what comes after it is differentiated.
  'convolution after mirrored padding': {
    f: ({ filter, scale }) => {
      const padded = tf.mirrorPad(tf.ones([1, 4, 5, 3]), [[0, 0], [1, 1], [1, 1], [0, 0]], 'symmetric'); // biome-ignore format: short
      return tf.mul(tf.conv2d(padded as Tensor4D, filter as Tensor4D, 1, 'valid'), scale as Tensor);
    },
    values: { filter: uniform([3, 3, 3, 4]), scale: uniform([4]) },
  },
  'convolution after bicubic enlargement': {
    f: ({ filter }) => tf.conv2d(bicubicUpsample(tf.ones([1, 4, 5, 3]) as Tensor4D, 2), filter as Tensor4D, 1, 'same'),
    values: { filter: uniform([3, 3, 3, 4]) },
  },
  'channel attention': {
    f: (inputs) => {
      const squeeze = { name: 'squeeze', kernel: 1, inChannels: 8, outChannels: 2, positionsPerLrPixel: 0 };
      const excite = { name: 'excite', kernel: 1, inChannels: 2, outChannels: 8, positionsPerLrPixel: 0 };
      return channelAttention(inputs as Parameters, { squeeze, excite }, inputs['x'] as Tensor4D);
    },
    values: {
      x: uniform([2, 4, 5, 8]),
      'squeeze.weight': uniform([1, 1, 8, 2]),
      'squeeze.bias': uniform([2], 4, 5),
      'excite.weight': uniform([1, 1, 2, 8], -0.5, 0.5),
      'excite.bias': uniform([8]),
    },
  },
};

describe('gradients of other functions agree with finite differences', () => {
  it.each(Object.entries(SIMPLE))('%s', async (_, { f, values }) => {
    await expectGradient(f, values);
  });
});

const NETWORKS: Record<string, { spec: EdgeSpec | DrnSpec | DualSpec; image: number[] }> = {
  'edge x3': { spec: { family: 'edge', scale: 3, featureCount: 4, innerWidths: [3, 5] }, image: [2, 5, 4, 3] },
  'drn x4': { spec: { family: 'drn', scale: 4, featureCount: 4, blockCount: 1 }, image: [1, 5, 4, 3] },
  'dual x4': { spec: { family: 'dual', scale: 4, featureCount: 4 }, image: [2, 8, 12, 3] },
  'dual x3': { spec: { family: 'dual', scale: 3, featureCount: 4 }, image: [1, 9, 6, 3] },
};

describe.each(Object.entries(NETWORKS))('%s', (_, { spec, image }) => {
  const network = createNetwork(spec as EdgeSpec);
  const photo = uniform(image, 0, 1);
  const parameters = Object.fromEntries(
    network.parameters.map(({ name, shape, fanIn }) => {
      const bound = 1 / Math.sqrt(fanIn);
      return [name, uniform(shape, -bound, bound)];
    }),
  );
  const f: Function = (inputs) => {
    const images = network.forward(inputs, tf.tensor4d(photo.data as Float32Array, image as [1, 1, 1, 3]));
    return tf.concat(images.map((output) => tf.reshape(output, [-1])));
  };

  it('has gradients with respect to all parameters that agree with finite differences', async () => {
    // A short step, because a long one crosses the kinks of too many activations.
    await expectGradient(f, parameters, 1e-4, 1e-2);
  });

  it('has the gradients that TF.js computes on its CPU backend', async () => {
    const { shape } = (await runOnnx(forwardOf(f, parameters), parameters))['result'] as TensorData;
    const weights = uniform(shape);
    await expectSame(backwardOf(f, parameters, weights), { ...parameters, weights }, 5e-5);
  });
});
