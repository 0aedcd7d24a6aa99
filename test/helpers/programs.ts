/** Random tensors, the forms in which the compiler may hold a value, and the comparison of the ONNX engine with TF.js' own CPU kernels. */
import { expect } from 'vitest';
import type { Tensors } from '../../src/core/engine/engine.ts';
import { createOnnxEngine } from '../../src/core/engine/onnx/onnx-engine.ts';
import { createTfjsEngine } from '../../src/core/engine/tfjs/tfjs-engine.ts';
import type { Program, TensorData, TensorSpec } from '../../src/core/graph/program.ts';
import { type Tensor, type Tensor4D, tf } from '../../src/core/tf.ts';
import { randomNumbers } from './onnx-fixtures.ts';

const sizeOf = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);

let seed = 0;

/** Uniform in low..high; every call of a file gives other numbers, every run of it the same. */
export function uniform(shape: readonly number[], low = -2, high = 2): TensorData {
  const random = randomNumbers(++seed);
  const data = Float32Array.from({ length: sizeOf(shape) }, () => low + ((random() + 1) / 2) * (high - low));
  return { dtype: 'float32', shape, data };
}

/** Small whole numbers as floats: equal values, zeros and both signs occur. */
export function whole(shape: readonly number[]): TensorData {
  const { data } = uniform(shape, -2.49, 2.49);
  return { dtype: 'float32', shape, data: Float32Array.from(data, (value) => Math.round(value) + 0) };
}

export function int32(shape: readonly number[]): TensorData {
  return { dtype: 'int32', shape, data: Int32Array.from(whole(shape).data) };
}

export function bool(shape: readonly number[]): TensorData {
  return { dtype: 'bool', shape, data: Uint8Array.from(uniform(shape).data, (value) => Number(value > 0)) };
}

export function floats(values: readonly number[], shape: readonly number[] = [values.length]): TensorData {
  return { dtype: 'float32', shape, data: Float32Array.from(values) };
}

export function specOf({ shape, dtype }: TensorData): TensorSpec {
  return { shape, dtype };
}

/** `x` through a 1x1 convolution that changes no value: from here on the compiler holds it channels-first. */
export function held(x: Tensor): Tensor4D {
  const channels = x.shape[3] as number;
  return tf.conv2d(x as Tensor4D, tf.reshape(tf.eye(channels), [1, 1, channels, channels]) as Tensor4D, 1, 'valid');
}

/** One way in which a rank-4 value can reach a kernel. */
export interface Form {
  readonly what: string;
  readonly input: TensorData;
  readonly make: (input: Tensor) => Tensor;
}

/** Every way in which the compiler holds a value of `shape` [N, H, W, C]: its layout, and whether spreading it out was put off. */
export function formsOf(shape: readonly number[], values: (shape: readonly number[]) => TensorData = uniform): Form[] {
  const [n, h, w, c] = shape as [number, number, number, number];
  const spread = (x: Tensor) => tf.mul(x, tf.ones([...shape]));
  const constant = values(shape);
  return [
    { what: 'plain', input: values(shape), make: (x) => x },
    { what: 'held', input: values(shape), make: held },
    { what: 'constant', input: values([]), make: () => tf.tensor(constant.data, [...shape]) },
    { what: 'splat', input: values([]), make: () => tf.fill([...shape], 2) },
    { what: 'spread scalar', input: values([]), make: spread },
    { what: 'spread [C]', input: values([c]), make: spread },
    { what: 'spread [H,W,C]', input: values([h, w, c]), make: spread },
    { what: 'spread [N,1,1,C]', input: values([n, 1, 1, c]), make: spread },
    { what: 'spread held [N,1,1,C]', input: values([n, 1, 1, c]), make: (x) => spread(held(x)) },
    { what: 'spread held [1,H,W,C]', input: values([1, h, w, c]), make: (x) => spread(held(x)) },
  ];
}

/** One use of a kernel. */
export interface Situation {
  readonly what: string;
  readonly inputs: readonly TensorData[];
  readonly run: (...inputs: Tensor[]) => Tensor;
}

/** The kernel applied to every form of a value. */
export function overForms(
  what: string,
  shape: readonly number[],
  kernel: (x: Tensor) => Tensor,
  values?: (shape: readonly number[]) => TensorData,
): Situation[] {
  return formsOf(shape, values).map((form) => ({
    what: `${what} of ${form.what} [${shape}]`,
    inputs: [form.input],
    run: (x) => kernel(form.make(x as Tensor)),
  }));
}

/** Many situations as one program, so that they cost one session. */
export function joined(name: string, situations: readonly Situation[]): { program: Program; inputs: Tensors } {
  const entries = situations.flatMap(({ inputs }, i) =>
    inputs.map((data, j): [string, TensorData] => [`in${i}/${j}`, data]),
  );
  const program: Program = {
    name,
    inputs: Object.fromEntries(entries.map(([key, data]) => [key, specOf(data)])),
    run: (tensors) =>
      Object.fromEntries(
        situations.map(({ what, inputs, run }, i) => [
          `${i}: ${what}`,
          run(...inputs.map((_, j) => tensors[`in${i}/${j}`] as Tensor)),
        ]),
      ),
  };
  return { program, inputs: Object.fromEntries(entries) };
}

export async function runOnnx(program: Program, inputs: Tensors): Promise<Tensors> {
  const executable = await createOnnxEngine().compile(program);
  try {
    return await executable.run(inputs);
  } finally {
    await executable.release();
  }
}

/** The oracle: the same functions on TF.js' own CPU backend. */
export async function runCpu(program: Program, inputs: Tensors): Promise<Tensors> {
  const executable = await (await createTfjsEngine({ backend: 'cpu' })).compile(program);
  try {
    return await executable.run(inputs);
  } finally {
    await executable.release();
  }
}

/** Largest |a - b| / (1 + |b|); infinite when only one of them is NaN or infinite. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (Object.is(x, y) || x === y) continue;
    const off = Math.abs(x - y) / (1 + Math.abs(y));
    largest = Number.isNaN(off) ? Number.POSITIVE_INFINITY : Math.max(largest, off);
  }
  return largest;
}

export function expectEqual(actual: Tensors, expected: Tensors, tolerance: number): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  const shapes = (tensors: Tensors) =>
    Object.fromEntries(Object.entries(tensors).map(([name, { shape, dtype }]) => [name, `${dtype} [${shape}]`]));
  expect(shapes(actual)).toEqual(shapes(expected));
  const wrong = Object.entries(expected).flatMap(([name, { data }]) => {
    const off = distance((actual[name] as TensorData).data, data);
    return off <= tolerance ? [] : [`${name}: off by ${off}`];
  });
  expect(wrong).toEqual([]);
}

/** The ONNX engine computes what TF.js' CPU backend computes. */
export async function expectSame(program: Program, inputs: Tensors, tolerance = 1e-5): Promise<void> {
  expectEqual(await runOnnx(program, inputs), await runCpu(program, inputs), tolerance);
}
