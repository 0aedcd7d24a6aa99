import { describe, expect, it } from 'vitest';
import { createSession, sessionExecutable } from '../../../src/core/engine/onnx/onnx-session.ts';
import { compileProgram } from '../../../src/core/graph/compile.ts';
import { serializeOnnx } from '../../../src/core/graph/onnx-model.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import { createObjective, gradientProgram } from '../../../src/trainer/train/step/objective.ts';
import { expectEqual, held, joined, runCpu, type Situation, uniform } from '../../helpers/programs.ts';
import { CONV_CASES } from './conv-cases.ts';
import { ELEMENTWISE_CASES } from './elementwise-cases.ts';
import { SHAPE_CASES } from './shape-cases.ts';

/** Kernels with a form of their own for WebGPU. The graph is plain ONNX, so any provider can say whether it computes the right thing. */
const CASES: Readonly<Record<string, readonly Situation[] | undefined>> = {
  Conv2D: CONV_CASES['Conv2D'],
  Conv2DBackpropInput: CONV_CASES['Conv2DBackpropInput'],
  Conv2DBackpropFilter: CONV_CASES['Conv2DBackpropFilter'],
  AddN: ELEMENTWISE_CASES['AddN'],
  SpaceToDepth: SHAPE_CASES['SpaceToDepth'],
};

/** Large enough for the forms that keep a whole GPU busy: sums in two steps, and the filter's gradient in groups of rows. */
const LARGE: Readonly<Record<string, readonly Situation[]>> = {
  reductions: [
    ...[[2, 40, 20, 3], [5000], [8192], [4096, 2]].flatMap((shape): Situation[] => [
      { what: `sum of [${shape}]`, inputs: [uniform(shape)], run: (x) => tf.sum(x as Tensor) },
      { what: `mean of [${shape}]`, inputs: [uniform(shape)], run: (x) => tf.mean(x as Tensor, undefined, true) },
    ]),
    ...[true, false].map(
      (keepDims): Situation => ({
        what: `sum per channel, ${keepDims ? 'kept' : 'dropped'} axes`,
        inputs: [uniform([2, 64, 48, 5])],
        run: (x) => tf.sum(held(x as Tensor), [0, 1, 2], keepDims),
      }),
    ),
    { what: 'maximum of rows', inputs: [uniform([3, 5000])], run: (x) => tf.max(x as Tensor, 1) },
  ],
  filters: [
    [48, 32, 1],
    [47, 33, 1],
    [96, 64, 2],
  ].map(
    ([height, width, stride]): Situation => ({
      what: `filter's gradient, ${height}x${width}, stride ${stride}`,
      inputs: [uniform([2, height as number, width as number, 4]), uniform([3, 3, 4, 6])],
      run: (x, filter) =>
        tf.grad((weights) => tf.mean(tf.square(tf.conv2d(x as Tensor4D, weights as Tensor4D, stride as 1, 'same'))))(
          filter as Tensor4D,
        ),
    }),
  ),
};

const SPECS: readonly NetworkSpec[] = [
  { family: 'edge', scale: 3, featureCount: 12, innerWidths: [9, 15] },
  { family: 'drn', scale: 4, featureCount: 4, blockCount: 1 },
];

const training = (spec: NetworkSpec) =>
  compileProgram(gradientProgram(createObjective(spec, 0.1), { batchSize: 2, lrPatchSize: 8 }), { target: 'webgpu' });

/** Channels of the image that the only Conv of a 3x3 convolution `from` -> `to` channels, or of its input gradient, gets. */
function convolvedChannels(from: number, to: number, gradient: boolean): number {
  const input = { shape: [1, 4, 4, from] };
  const weights = { shape: gradient ? [3, 3, to, from] : [3, 3, from, to] };
  const { nodes, initializers } = compileProgram(
    {
      name: 'conv',
      inputs: { input, weights },
      run: ({ input: x, weights: w }) => {
        const [image, filter] = [x as Tensor4D, w as Tensor4D];
        if (!gradient) return { y: tf.conv2d(image, filter, 1, 'same') };
        return { y: tf.grad((z) => tf.conv2d(z as Tensor4D, filter, 1, 'same'))(tf.zeros([1, 4, 4, to]), image) };
      },
    },
    { target: 'webgpu' },
  );
  const conv = nodes.find(({ op }) => op === 'Conv');
  const pad = nodes.find(({ op, outputs }) => op === 'Pad' && conv?.inputs[0] === outputs[0]);
  const amounts = initializers.find(({ name }) => name === pad?.inputs[1])?.bytes;
  return from + (amounts ? Number(new BigInt64Array(amounts.slice().buffer)[5]) : 0);
}

describe('the form for WebGPU', () => {
  it.each(Object.keys(CASES))('computes what TF.js computes: %s', async (kernel) => {
    const { program, inputs } = joined(kernel, CASES[kernel] as readonly Situation[]);
    const onnx = serializeOnnx(compileProgram(program, { target: 'webgpu' }));
    const executable = sessionExecutable(await createSession(onnx));
    expectEqual(await executable.run(inputs), await runCpu(program, inputs), 2e-5);
    await executable.release();
  });

  it.each(Object.keys(LARGE))('computes what TF.js computes when there is much to add up: %s', async (name) => {
    const { program, inputs } = joined(name, LARGE[name] as readonly Situation[]);
    const graph = compileProgram(program, { target: 'webgpu' });
    const executable = sessionExecutable(await createSession(serializeOnnx(graph)));
    expectEqual(await executable.run(inputs), await runCpu(program, inputs), 1e-4);
    await executable.release();
    const plain = compileProgram(program).nodes.length;
    expect(graph.nodes.length).toBeGreaterThan(plain);
  });

  it.each(SPECS)('uses no operator in training that the provider lacks: $family x$scale', (spec) => {
    const ops = new Set(training(spec).nodes.map(({ op }) => op));
    expect([...ops].filter((op) => ['FusedMatMul', 'Sum', 'SpaceToDepth'].includes(op))).toEqual([]);
    expect(ops).toContain('MatMul');
  });

  // Misread: multiples of 3 above 3 that are no multiples of 4, into a multiple of 4.
  it.each([
    [6, 4, 8],
    [9, 12, 12],
    [27, 8, 28],
    [3, 4, 3],
    [12, 4, 12],
    [10, 4, 10],
    [9, 6, 9],
  ])('convolves %i -> %i channels as %i', (from, to, widened) => {
    expect(convolvedChannels(from, to, false)).toBe(widened);
    expect(convolvedChannels(from, to, true)).toBe(widened);
  });
});
