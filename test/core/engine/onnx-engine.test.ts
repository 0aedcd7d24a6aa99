import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { createTfjsEngine } from '../../../src/core/engine/tfjs/tfjs-engine.ts';
import type { Program, TensorData } from '../../../src/core/graph/program.ts';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import { expectEqual, floats, runOnnx, uniform } from '../../helpers/programs.ts';

const network = createNetwork({ family: 'edge', scale: 2, featureCount: 8, innerWidths: [6, 6] });
const parameters: Record<string, TensorData> = Object.fromEntries(
  network.parameters.map(({ name, shape, fanIn }) => [
    name,
    uniform(shape, -1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn)),
  ]),
);

/** One step of gradient descent: the loss, and the parameters after it. */
const step: Program = {
  name: 'step',
  inputs: {
    image: { shape: [2, 6, 5, 3] },
    target: { shape: [2, 12, 10, 3] },
    rate: { shape: [] },
    ...Object.fromEntries(network.parameters.map(({ name, shape }) => [name, { shape }])),
  },
  run: ({ image, target, rate, ...values }) => {
    const names = Object.keys(values);
    const lossOf = (...list: Tensor[]) => {
      const named = Object.fromEntries(names.map((name, i) => [name, list[i] as Tensor]));
      return tf.mean(
        tf.square(tf.sub(network.forward(named, image as Tensor4D)[0] as Tensor, target as Tensor)),
      ) as never;
    };
    const { value, grads } = tf.valueAndGrads(lossOf)(names.map((name) => values[name] as Tensor));
    const moved = names.map((name, i) => [
      `new ${name}`,
      tf.sub(values[name] as Tensor, tf.mul(rate as Tensor, grads[i] as Tensor)),
    ]);
    return { loss: value, ...Object.fromEntries(moved) };
  },
};

const inputs = { image: uniform([2, 6, 5, 3], 0, 1), target: uniform([2, 12, 10, 3], 0, 1), rate: floats([0.2], []) };

describe('the onnx engine', () => {
  it('gives the same training step as the tfjs engine', async () => {
    const eager = await (await createTfjsEngine({ backend: 'cpu' })).compile(step);
    const compiled = await createOnnxEngine().compile(step);
    const feed = { ...inputs, ...parameters };
    expectEqual(await compiled.run(feed), await eager.run(feed), 1e-5);
    await compiled.release();
    await eager.release();
  });

  it('lowers the loss when its steps are repeated', async () => {
    const compiled = await createOnnxEngine().compile(step);
    const losses: number[] = [];
    let current = parameters;
    for (let i = 0; i < 40; i++) {
      const { loss, ...next } = await compiled.run({ ...inputs, ...current });
      losses.push((loss as TensorData).data[0] as number);
      current = Object.fromEntries(Object.entries(next).map(([name, value]) => [name.replace('new ', ''), value]));
    }
    expect(losses.at(-1)).toBeLessThan(0.8 * (losses[0] as number));
    await compiled.release();
  });

  it('gives the same bits at every run', async () => {
    const compiled = await createOnnxEngine().compile(step);
    const [first, second] = [
      await compiled.run({ ...inputs, ...parameters }),
      await compiled.run({ ...inputs, ...parameters }),
    ];
    expectEqual(first, second, 0);
    await compiled.release();
  });

  it('gives the same with several threads', async () => {
    const compiled = await createOnnxEngine({ threads: 2 }).compile(step);
    expectEqual(
      await compiled.run({ ...inputs, ...parameters }),
      await runOnnx(step, { ...inputs, ...parameters }),
      1e-5,
    );
    await compiled.release();
  });

  it('takes and gives every type', async () => {
    const program: Program = {
      name: 'types',
      inputs: { a: { shape: [3] }, b: { shape: [3], dtype: 'int32' }, c: { shape: [3], dtype: 'bool' } },
      run: ({ a, b, c }) => ({ x: tf.neg(a as Tensor), y: tf.neg(b as Tensor), z: tf.logicalNot(c as Tensor) }),
    };
    const result = await runOnnx(program, {
      a: floats([1.5, -2, 0.25]),
      b: { dtype: 'int32', shape: [3], data: Int32Array.of(7, -8, 2_000_000_000) },
      c: { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
    });
    expect(result).toEqual({
      x: { dtype: 'float32', shape: [3], data: Float32Array.of(-1.5, 2, -0.25) },
      y: { dtype: 'int32', shape: [3], data: Int32Array.of(-7, 8, -2_000_000_000) },
      z: { dtype: 'bool', shape: [3], data: Uint8Array.of(0, 1, 0) },
    });
  });

  it('passes an input through, and gives one value two names', async () => {
    const program: Program = {
      name: 'through',
      inputs: { a: { shape: [2] }, unused: { shape: [1] } },
      run: ({ a }) => {
        const y = tf.neg(a as Tensor);
        return { same: a as Tensor, y, z: y };
      },
    };
    const result = await runOnnx(program, { a: floats([1, 2]), unused: floats([0]) });
    expect(Object.entries(result).map(([name, { data }]) => [name, ...data])).toEqual([
      ['same', 1, 2],
      ['y', -1, -2],
      ['z', -1, -2],
    ]);
  });

  it('allows inputs and outputs that are called like values inside', async () => {
    const program: Program = {
      name: 'names',
      inputs: { const_1: { shape: [2] }, add_2: { shape: [2] } },
      run: ({ const_1, add_2 }) => ({
        mul_3: tf.mul(tf.add(const_1 as Tensor, 2), add_2 as Tensor),
        add_1: tf.add(add_2 as Tensor, 1),
      }),
    };
    const { mul_3, add_1 } = await runOnnx(program, { const_1: floats([1, 2]), add_2: floats([3, 4]) });
    expect([...(mul_3 as TensorData).data, ...(add_1 as TensorData).data]).toEqual([9, 16, 4, 5]);
  });

  it('refuses an output that is called like an input', async () => {
    const program: Program = {
      name: 'clash',
      inputs: { w: { shape: [2] } },
      run: ({ w }) => ({ w: tf.neg(w as Tensor) }),
    };
    await expect(createOnnxEngine().compile(program)).rejects.toThrow(
      'clash: `w` is the name of an input and of an output',
    );
  });

  it('refuses a kernel without a form, naming the program and the kernel', async () => {
    const program: Program = {
      name: 'sums',
      inputs: { x: { shape: [2] } },
      run: ({ x }) => ({ y: tf.cumsum(x as Tensor) }),
    };
    await expect(createOnnxEngine().compile(program)).rejects.toThrow(
      'sums: the compiler has no form of the TF.js kernel Cumsum',
    );
  });

  it('refuses inputs of another shape or type, and missing ones', async () => {
    const compiled = await createOnnxEngine().compile({
      name: 'neg',
      inputs: { x: { shape: [2] } },
      run: ({ x }) => ({ y: tf.neg(x as Tensor) }),
    });
    await expect(compiled.run({ x: floats([1, 2, 3]) })).rejects.toThrow(/dimensions|shape/);
    await expect(compiled.run({ x: { dtype: 'int32', shape: [2], data: Int32Array.of(1, 2) } })).rejects.toThrow(
      /type/,
    );
    await expect(compiled.run({})).rejects.toThrow(/x/);
    await compiled.release();
  });

  it('writes a profile where it is asked to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dualscale-'));
    const compiled = await createOnnxEngine({ profile: join(folder, 'profile') }).compile({
      name: 'neg',
      inputs: { x: { shape: [2] } },
      run: ({ x }) => ({ y: tf.neg(x as Tensor) }),
    });
    await compiled.run({ x: floats([1, 2]) });
    await compiled.release();
    expect(await readdir(folder)).toEqual([expect.stringMatching(/^profile.*\.json$/)]);
    await rm(folder, { recursive: true });
  });
});
