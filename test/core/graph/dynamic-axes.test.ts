import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { compileProgram } from '../../../src/core/graph/compile.ts';
import type { Program, TensorData, TensorSpec } from '../../../src/core/graph/program.ts';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import { expectEqual, runCpu, uniform } from '../../helpers/programs.ts';

/** A network with random weights as constants, compiled for one small picture but free in the given axes. */
function served(spec: NetworkSpec, dynamicAxes: readonly number[]): Program {
  const network = createNetwork(spec);
  const constants = Object.fromEntries(
    network.parameters.map(({ name, shape, fanIn }): [string, TensorData] => {
      const bound = 1 / Math.sqrt(fanIn);
      return [name, uniform(shape, -bound, bound)];
    }),
  );
  return {
    name: spec.family,
    inputs: { image: { shape: [1, 8, 8, 3], dynamicAxes } },
    constants,
    run: ({ image, ...parameters }) => ({ enlarged: network.forward(parameters, image as Tensor4D).at(-1) as Tensor }),
  };
}

const edge: NetworkSpec = { family: 'edge', scale: 3, featureCount: 6, innerWidths: [4, 5] };
const drn: NetworkSpec = { family: 'drn', scale: 4, featureCount: 4, blockCount: 1 };

const CASES: { what: string; spec: NetworkSpec; axes: number[]; sizes: number[][] }[] = [
  { what: 'edge at any size', spec: edge, axes: [1, 2], sizes: [[1, 8, 8], [1, 1, 1], [1, 1, 9], [1, 13, 7], [1, 40, 23]] },
  { what: 'edge at any size and batch', spec: edge, axes: [0, 1, 2], sizes: [[1, 8, 8], [3, 5, 4], [2, 1, 6]] },
  { what: 'drn at any size', spec: drn, axes: [1, 2], sizes: [[1, 8, 8], [1, 2, 3], [1, 9, 14]] },
]; // biome-ignore format: a table

describe('one session for all sizes gives what the TF.js CPU backend gives at each', () => {
  it.each(CASES)('$what', async ({ spec, axes, sizes }) => {
    const program = served(spec, axes);
    const executable = await createOnnxEngine().compile(program);
    for (const size of sizes) {
      const image = uniform([...size, 3], 0, 1);
      expectEqual(await executable.run({ image }), await runCpu(program, { image }), 1e-4);
    }
    await executable.release();
  });

  it('one channel, whose layouts do not differ in memory', async () => {
    const program: Program = {
      name: 'gray',
      inputs: { image: { shape: [1, 4, 4, 1], dynamicAxes: [0, 1, 2] } },
      run: ({ image }) => ({
        blurred: tf.conv2d(image as Tensor4D, tf.fill([3, 3, 1, 1], 1 / 9) as Tensor4D, 1, 'same'),
      }),
    };
    const executable = await createOnnxEngine().compile(program);
    for (const size of [
      [1, 4, 4, 1],
      [2, 5, 9, 1],
    ]) {
      const image = uniform(size);
      expectEqual(await executable.run({ image }), await runCpu(program, { image }), 1e-5);
    }
    await executable.release();
  });
});

describe('axes of the graph', () => {
  it('are symbolic where they are free, and numbers where they are not', () => {
    const { inputs, outputs } = compileProgram(served(edge, [1, 2]));
    expect(inputs).toEqual([{ name: 'image', dtype: 'float32', shape: [1, 'image_1', 'image_2', 3] }]);
    expect(outputs).toEqual([{ name: 'enlarged', dtype: 'float32', shape: [1, 'enlarged_1', 'enlarged_2', 3] }]);
  });

  it('are all numbers where no axis was declared dynamic', () => {
    expect(compileProgram(served(edge, [])).outputs[0]?.shape).toEqual([1, 24, 24, 3]);
  });
});

const free: TensorSpec = { shape: [1, 6, 6, 2], dynamicAxes: [1, 2] };
const DEPENDENT: Record<string, (x: Tensor4D) => Tensor> = {
  'a reshape to a fixed size': (x) => tf.reshape(x, [1, 12, 6, x.shape[1] === 6 ? 1 : -1]),
  'a reshape that names the size': (x) => tf.reshape(x, [x.shape[1] * x.shape[2], 2]),
  'a scalar computed from the size': (x) => tf.div(x, x.shape[1]),
  'a large constant computed from the size': (x) =>
    tf.mul(tf.tensor1d(Array.from({ length: 5000 }, (_, i) => i / x.shape[1])), tf.sum(x)),
  'a slice of the last row': (x) => tf.slice(x, [0, x.shape[1] - 1, 0, 0], [1, 1, -1, 2]),
  'an unrolled loop over rows': (x) => tf.addN(tf.unstack(x, 1)),
  'another branch from some size on': (x) => (x.shape[2] > 6 ? tf.neg(x) : tf.abs(x)),
};

describe('a program whose graph depends on a free axis is refused', () => {
  it.each(Object.entries(DEPENDENT))('%s', (_, kernel) => {
    const program: Program = { name: 'sized', inputs: { x: free }, run: ({ x }) => ({ y: kernel(x as Tensor4D) }) };
    expect(() => compileProgram(program)).toThrow(
      /^sized: .*(depends on the size of an axis|not at other sizes of its dynamic axes)/,
    );
    // The same program is fine when its axes are fixed.
    expect(() => compileProgram({ ...program, inputs: { x: { shape: free.shape } } })).not.toThrow();
  });
});
