import { describe, expect, it } from 'vitest';
import { nchwcBlockSize } from '../../../src/core/engine/onnx/nchwc-block.ts';
import { createSession, sessionExecutable } from '../../../src/core/engine/onnx/onnx-session.ts';
import { NCHWC_DOMAIN } from '../../../src/core/graph/blocked-graph.ts';
import { compileProgram } from '../../../src/core/graph/compile.ts';
import { blockConvolutions } from '../../../src/core/graph/nchwc.ts';
import { type OnnxGraph, serializeOnnx } from '../../../src/core/graph/onnx-model.ts';
import type { Program, TensorData } from '../../../src/core/graph/program.ts';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import type { DrnSpec, DualSpec, EdgeSpec } from '../../../src/core/network/spec.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import { expectEqual, runOnnx, specOf, uniform } from '../../helpers/programs.ts';

const block = await nchwcBlockSize();
const reason = block === 0 ? ' (skipped: this ONNX Runtime has no blocked convolutions)' : '';

const blockedConvolutions = (graph: OnnxGraph) =>
  graph.nodes.filter(({ op, domain }) => op === 'Conv' && domain === NCHWC_DOMAIN).length;

/** The program with blocked convolutions gives what it gives without; returns how many of them were blocked. */
async function expectUnchanged(
  program: Program,
  inputs: Record<string, TensorData>,
  tolerance = 2e-5,
): Promise<number> {
  const graph = blockConvolutions(compileProgram(program), block);
  const executable = sessionExecutable(await createSession(serializeOnnx(graph)));
  expectEqual(await executable.run(inputs), await runOnnx(program, inputs), tolerance);
  await executable.release();
  return blockedConvolutions(graph);
}

type Specs = EdgeSpec | DrnSpec | DualSpec;

/** Images and the gradient of a smooth loss with respect to all parameters. */
function training(spec: Specs, image: TensorData): { program: Program; inputs: Record<string, TensorData> } {
  const network = createNetwork(spec as EdgeSpec);
  const parameters = Object.fromEntries(
    network.parameters.map(({ name, shape, fanIn }) => {
      const bound = 1 / Math.sqrt(fanIn);
      return [name, uniform(shape, -bound, bound)];
    }),
  );
  const inputs: Record<string, TensorData> = { image, ...parameters };
  const names = Object.keys(parameters);
  const program: Program = {
    name: spec.family,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, data]) => [name, specOf(data)])),
    run: ({ image: x, ...values }) => {
      const forward = (list: Tensor[]) =>
        network.forward(Object.fromEntries(names.map((name, i) => [name, list[i] as Tensor])), x as Tensor4D);
      const loss = (...list: Tensor[]) => tf.addN(forward(list).map((y) => tf.mean(tf.square(y)))) as never;
      const list = names.map((name) => values[name] as Tensor);
      const { value, grads } = tf.valueAndGrads(loss)(list);
      const images = forward(list).map((y, i) => [`image ${i}`, y]);
      return {
        value,
        ...Object.fromEntries(images),
        ...Object.fromEntries(names.map((name, i) => [`d ${name}`, grads[i] as Tensor])),
      };
    },
  };
  return { program, inputs };
}

const NETWORKS: Record<string, { spec: Specs; size: number[]; atLeast: number }> = {
  'edge, all widths whole blocks': {
    spec: { family: 'edge', scale: 2, featureCount: 16, innerWidths: [32, 16] },
    size: [2, 7, 5, 3],
    atLeast: 8,
  },
  'edge, some widths no whole blocks': {
    spec: { family: 'edge', scale: 3, featureCount: 32, innerWidths: [20, 16, 7] },
    size: [1, 6, 9, 3],
    atLeast: 3,
  },
  'edge, no width a whole block': {
    spec: { family: 'edge', scale: 2, featureCount: 6, innerWidths: [5] },
    size: [1, 4, 4, 3],
    atLeast: 0,
  },
  'drn with attention, stride 2 and concatenations': {
    spec: { family: 'drn', scale: 4, featureCount: 16, blockCount: 1 },
    size: [1, 4, 5, 3],
    atLeast: 8,
  },
  dual: { spec: { family: 'dual', scale: 4, featureCount: 16 }, size: [2, 8, 12, 3], atLeast: 2 },
};

describe.skipIf(block === 0)(`blocked convolutions change no result${reason}`, () => {
  it.each(Object.entries(NETWORKS))('%s', async (_, { spec, size, atLeast }) => {
    const { program, inputs } = training(spec, uniform(size, 0, 1));
    const blocked = await expectUnchanged(program, inputs);
    if (atLeast === 0) expect(blocked).toBe(0);
    else expect(blocked).toBeGreaterThanOrEqual(atLeast);
  });

  const image = uniform([2, 5, 6, 3]);
  const perChannel = uniform([32]).data as Float32Array;
  const perPixel = uniform([5, 6, 1]).data as Float32Array;
  /** An image of three channels is read as it is; from here on the layout is the blocked one. */
  const head = uniform([1, 1, 3, 16]);
  const widened = (x: Tensor) =>
    tf.conv2d(x as Tensor4D, tf.tensor4d(head.data as Float32Array, [1, 1, 3, 16]), 1, 'same');
  const filter = uniform([3, 3, 16, 32], -0.1, 0.1);
  const CONSUMERS: Record<string, (y: Tensor4D) => Tensor> = {
    'leaving the program': (y) => y,
    'a sum over pixels': (y) => tf.sum(y, [1, 2]),
    'a sum over all but channels': (y) => tf.sum(y, [0, 1, 2]),
    'a sum over all but channels, kept': (y) => tf.sum(y, [0, 1, 2], true),
    'a mean over channels': (y) => tf.mean(y, 3),
    'a product with [C]': (y) => tf.mul(y, tf.tensor1d(perChannel)),
    'a product with [N,1,1,C]': (y) => tf.mul(y, tf.mean(y, [1, 2], true)),
    'a product with [H,W,1]': (y) => tf.mul(y, tf.tensor3d(perPixel, [5, 6, 1])),
    'a number': (y) => tf.div(tf.sub(1, y), 3),
    'itself after an activation': (y) => tf.add(y, tf.leakyRelu(y, 0.2)),
    'ReLU and something else': (y) => tf.sub(tf.relu(y), y),
    'a comparison': (y) => tf.where(tf.greater(y, 0), y, tf.zerosLike(y)),
    'a clip': (y) => tf.clipByValue(tf.abs(y), 0.1, 0.3),
    'a concatenation': (y) => tf.concat([y, tf.neg(y)], 3),
    'a slice of channels': (y) => tf.slice(y, [0, 0, 0, 3], [2, 5, 6, 9]),
    'a reshape': (y) => tf.reshape(y, [2, 30, 32]),
    'a pixel shuffle': (y) => tf.depthToSpace(y, 2),
    'a pad': (y) => tf.pad(y, [[0, 0], [1, 0], [0, 2], [0, 0]]), // biome-ignore format: short
  };

  it.each(Object.entries(CONSUMERS))('read by %s', async (_, consumer) => {
    const program: Program = {
      name: 'consumer',
      inputs: { x: specOf(image), filter: specOf(filter) },
      run: ({ x, filter: f }) => ({ y: consumer(tf.conv2d(widened(x as Tensor), f as Tensor4D, 1, 'same')) }),
    };
    expect(await expectUnchanged(program, { x: image, filter })).toBe(2);
  });

  const SUMS: Record<string, { add: (early: Tensor4D, late: Tensor4D) => Tensor; additions: number }> = {
    'with what was there before': { add: (early, late) => tf.add(early, late), additions: 0 },
    'in the other order, then a ReLU': { add: (early, late) => tf.relu(tf.add(late, early)), additions: 0 },
    'with what comes later': { add: (early, late) => tf.add(late, tf.sigmoid(early)), additions: 1 },
    'with itself': { add: (early, late) => tf.add(tf.add(late, late), early), additions: 2 },
    'that something else reads too': { add: (early, late) => tf.mul(tf.add(early, late), late), additions: 1 },
    'with one image for all': { add: (early, late) => tf.add(late, tf.mean(early, 0, true)), additions: 1 },
  };

  it.each(Object.entries(SUMS))('a sum %s', async (_, { add, additions }) => {
    const program: Program = {
      name: 'sum',
      inputs: { x: specOf(image), filter: specOf(filter) },
      run: ({ x, filter: f }) => {
        const wide = widened(x as Tensor);
        const [early, late] = [
          tf.conv2d(tf.square(wide), f as Tensor4D, 1, 'same'),
          tf.conv2d(wide, f as Tensor4D, 1, 'same'),
        ];
        return { y: tf.depthToSpace(add(early as Tensor4D, late as Tensor4D) as Tensor4D, 2) };
      },
    };
    expect(await expectUnchanged(program, { x: image, filter })).toBe(3);
    const { nodes } = blockConvolutions(compileProgram(program), block);
    expect(nodes.filter(({ op }) => op === 'Add')).toHaveLength(additions);
  });

  it.each(
    [1, 2].flatMap((stride) =>
      [1, 3, 5].flatMap((kernel) => ['same', 'valid', 1].map((pad) => [stride, kernel, pad] as const)),
    ),
  )('stride %s, kernel %s, pad %s, gradients included', async (stride, kernel, pad) => {
    const weights = uniform([kernel, kernel, 16, 32], -0.1, 0.1);
    const program: Program = {
      name: 'geometry',
      inputs: { x: specOf(image), filter: specOf(weights) },
      run: ({ x, filter: f }) => {
        const y = (value: Tensor, w: Tensor) => tf.conv2d(widened(value), w as Tensor4D, stride, pad as 'same');
        const [dx, dw] = tf.grads((...[value, w]) => tf.mean(tf.square(y(value as Tensor, w as Tensor))))([
          x as Tensor,
          f as Tensor,
        ]);
        return { y: y(x as Tensor, f as Tensor), dx: dx as Tensor, dw: dw as Tensor };
      },
    };
    expect(await expectUnchanged(program, { x: image, filter: weights })).toBeGreaterThanOrEqual(2);
  });
});
