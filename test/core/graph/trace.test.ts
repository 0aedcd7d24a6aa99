import { afterEach, describe, expect, it } from 'vitest';
import { EMITTED_KERNELS } from '../../../src/core/graph/compile.ts';
import { KERNEL_RULES } from '../../../src/core/graph/infer.ts';
import type { Program } from '../../../src/core/graph/program.ts';
import { traceProgram } from '../../../src/core/graph/trace.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';

function programOf(run: (x: Tensor) => Tensor): Program {
  return { name: 'traced', inputs: { x: { shape: [2, 4] } }, run: ({ x }) => ({ y: run(x as Tensor) }) };
}

describe('a trace', () => {
  it('records kernels in order, with shapes and without numbers', () => {
    const tape = traceProgram(programOf((x) => tf.sum(tf.square(tf.sub(x, 1)), 1)));
    expect(tape.nodes.map(({ kernel }) => kernel)).toEqual(['Sub', 'Square', 'Sum']);
    const shapeOf = (id: number | undefined) => tape.values[id as number]?.shape;
    expect([shapeOf(tape.inputs['x']), shapeOf(tape.outputs['y'])]).toEqual([[2, 4], [2]]);
    expect(tape.values.filter(({ data }) => data)).toEqual([]);
    expect(tape.values.flatMap(({ splat }) => splat ?? [])).toEqual([1]);
  });

  it('knows an emission for every kernel it records', () => {
    for (const kernel of Object.keys(KERNEL_RULES)) expect(EMITTED_KERNELS).toContain(kernel);
  });

  it('infers the shapes and types that TF.js computes', async () => {
    await tf.setBackend('cpu');
    const functions: ((x: Tensor) => Tensor)[] = [
      (x) => tf.reshape(x, [-1, 2, 1]),
      (x) => tf.expandDims(x, -1),
      (x) => tf.stack([x, x], -1),
      (x) => tf.concat([x, x], -1),
      (x) => tf.greater(x, 0),
      (x) => tf.mean(tf.cast(x, 'int32')),
      (x) => tf.sum(tf.cast(x, 'bool'), 0, true),
      (x) => tf.matMul(x, x, true),
      (x) => tf.pad(x, [[1, 2], [0, 3]]), // biome-ignore format: short
      (x) => tf.slice(x, [1, 1]),
      (x) => tf.add(tf.cast(x, 'int32'), x),
      (x) => tf.broadcastTo(x, [3, 2, 4]),
    ];
    for (const f of functions) {
      const real = f(tf.ones([2, 4]));
      const tape = traceProgram(programOf(f));
      const { shape, dtype } = tape.values[tape.outputs['y'] as number] as { shape: readonly number[]; dtype: string };
      expect([[...shape], dtype], String(f)).toEqual([real.shape, real.dtype]);
    }
  });
});

const outside = tf.tidy(() => tf.tensor1d([1, 2, 3, 4]));
let remembered: Tensor | undefined;

const REFUSED: Record<string, { run: (x: Tensor) => Tensor; message: RegExp }> = {
  'a Fourier transform': {
    run: (x) => tf.real(tf.spectral.fft(tf.complex(x, x))),
    message: /^traced: the compiler has no form of the TF.js kernel Complex$/,
  },
  'a kernel without a form': {
    run: (x) => tf.cumsum(x),
    message: /^traced: the compiler has no form of the TF.js kernel Cumsum$/,
  },
  'reading values': {
    run: (x) => tf.tensor(x.dataSync()),
    message: /^traced: a traced program cannot read the values of its tensors$/,
  },
  'reading a value to branch on it': {
    run: (x) => (tf.sum(x).arraySync() ? x : tf.neg(x)),
    message: /^traced: a traced program cannot read/,
  },
  'a tensor made outside': {
    run: (x) => tf.add(x, outside as Tensor),
    message: /^traced: a traced program may use its inputs/,
  },
  'a tensor made outside as result': {
    run: () => outside as Tensor,
    message: /^traced: a traced program may use its inputs/,
  },
  'a tensor kept from an earlier trace': {
    run: (x) => {
      remembered ??= tf.keep(tf.tensor1d([1, 2, 3, 5]));
      return tf.add(x, remembered);
    },
    message: /^traced: a traced program may use its inputs/,
  },
  dilation: {
    run: (x) =>
      tf.conv2d(tf.reshape(x, [1, 2, 4, 1]) as Tensor4D, tf.ones([1, 1, 1, 1]) as Tensor4D, 1, 'same', 'NHWC', 2),
    message: /^traced: the compiler supports undilated NHWC convolutions only$/,
  },
  'one padding number for an oblong kernel': {
    run: (x) => tf.conv2d(tf.reshape(x, [1, 2, 4, 1]) as Tensor4D, tf.ones([1, 3, 1, 1]) as Tensor4D, 1, 1),
    message: /^traced: .*use 'same', 'valid' or explicit pads$/,
  },
  'a channels-first pixel shuffle': {
    run: (x) => tf.depthToSpace(tf.reshape(x, [1, 4, 2, 1]) as Tensor4D, 2, 'NCHW'),
    message: /^traced: the compiler supports NHWC pixel shuffles only$/,
  },
  'an error of its own': {
    run: () => {
      throw new Error('no such layer');
    },
    message: /^traced: no such layer$/,
  },
};

describe('a program that cannot be traced', () => {
  afterEach(() => {
    remembered?.dispose();
    remembered = undefined;
  });

  it.each(Object.entries(REFUSED))(
    '%s is refused, and leaves the backend and later traces as they were',
    async (what, { run, message }) => {
      await tf.setBackend('cpu');
      if (what.includes('earlier trace')) traceProgram(programOf(run));
      const before = tf.memory().numTensors;
      expect(() => traceProgram(programOf(run))).toThrow(message);
      expect(tf.getBackend()).toBe('cpu');
      expect(tf.memory().numTensors).toBe(before);
      expect([...tf.add(tf.tensor1d([1, 2]), 1).dataSync()]).toEqual([2, 3]);
      expect(traceProgram(programOf((x) => tf.relu(x))).nodes.map(({ kernel }) => kernel)).toEqual(['Relu']);
    },
  );

  it('may fail in the middle of a gradient', () => {
    const failing = programOf((x) => tf.grad((value) => tf.sum(tf.cumsum(tf.square(value))))(x));
    expect(() => traceProgram(failing)).toThrow(/Cumsum/);
    const gradient = traceProgram(programOf((x) => tf.grad((value) => tf.sum(tf.square(value)))(x)));
    expect(gradient.nodes.length).toBeGreaterThan(0);
  });
});

describe('the books of TF.js', () => {
  it('show no tensors left by traces, those that share values included', () => {
    const sharing = programOf((x) => {
      const copy = tf.clone(x);
      const [a, b] = tf.split(tf.add(copy, tf.reshape(x, [2, 4])), 2, 1) as [Tensor, Tensor];
      return tf.grad((value) => tf.sum(tf.mul(value, tf.reshape(a, [2, 2]))))(b);
    });
    traceProgram(sharing);
    const { numTensors, numDataBuffers } = tf.memory();
    for (let i = 0; i < 3; i++) traceProgram(sharing);
    expect([tf.memory().numTensors, tf.memory().numDataBuffers]).toEqual([numTensors, numDataBuffers]);
  });
});
