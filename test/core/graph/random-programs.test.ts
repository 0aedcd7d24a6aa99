import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import type { Program, TensorData } from '../../../src/core/graph/program.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import { randomNumbers } from '../../helpers/onnx-fixtures.ts';
import { distance, runCpu } from '../../helpers/programs.ts';

/** One step of a random program: what it does to the stack of values so far. `pick` chooses among those of rank 4. */
type Step = readonly [kind: number, a: number, b: number, choice: number];

const cube = (x: Tensor, channels: number, stride: 1 | 2, kernel: number, fill: (shape: number[]) => Tensor) =>
  tf.conv2d(x as Tensor4D, fill([kernel, kernel, x.shape[3] as number, channels]) as Tensor4D, stride, 'same');

const AXES = [[1, 2], [3], [0, 1, 2], [0], [1, 2, 3]];
const PERMS = [
  [0, 2, 1, 3],
  [0, 1, 3, 2],
  [0, 3, 2, 1],
];

/** All bounded, so that ten of them in a row stay in float32's comfortable range. */
const UNARY: readonly ((x: Tensor) => Tensor)[] = [
  tf.relu,
  tf.sigmoid,
  tf.tanh,
  (x) => tf.leakyRelu(x, 0.2),
  tf.neg,
  (x) => tf.step(tf.add(x, 0.01), -1),
];
const BINARY: readonly ((a: Tensor, b: Tensor) => Tensor)[] = [
  tf.add,
  tf.sub,
  tf.maximum,
  (a, b) => tf.mul(a, tf.tanh(b)),
  (a, b) => tf.div(a, tf.add(tf.abs(b), 1)),
];

function broadcastable(a: Tensor, b: Tensor): boolean {
  return a.shape.every((dim, i) => dim === b.shape[i] || dim === 1 || b.shape[i] === 1);
}

/** The next value, always of rank 4. */
function apply([kind, , , choice]: Step, x: Tensor, y: Tensor, fill: (shape: number[]) => Tensor): Tensor {
  const [n, h, w, c] = x.shape as [number, number, number, number];
  switch (kind) {
    case 0:
      return tf.add(
        cube(x, 1 + (choice % 4), choice % 3 === 0 ? 2 : 1, [1, 3, 2, 5][choice % 4] as number, fill),
        fill([1 + (choice % 4)]),
      );
    case 1:
      return (UNARY[choice % UNARY.length] as (typeof UNARY)[number])(x);
    case 2:
      return broadcastable(x, y) ? (BINARY[choice % BINARY.length] as (typeof BINARY)[number])(x, y) : x;
    case 3:
      return tf.mean(x, AXES[choice % AXES.length], true);
    case 4:
      return tf.reshape(tf.sum(x, AXES[choice % AXES.length]), [-1, 1, 1, 1]);
    case 5:
      return tf.reshape(x, choice % 2 === 0 ? [n, w, h, c] : [n * c, h, 1, w]);
    case 6:
      return tf.transpose(x, PERMS[choice % PERMS.length]);
    case 7:
      return tf.concat([x, tf.neg(x)], choice % 4);
    case 8:
      return tf.slice(x, [0, h - 1, 0, 0], [n, 1, Math.ceil(w / 2), c]);
    case 9:
      return tf.pad(x, [[0, 0], [choice % 2, 1], [0, choice % 3], [0, choice % 2]], choice % 3 === 0 ? 0 : 0.5); // biome-ignore format: short
    case 10:
      return tf.mul(
        x,
        [tf.ones([n, h, w, c]), fill([c]), fill([h, w, c]), fill([n, 1, 1, c]), fill([w, 1])][choice % 5] as Tensor,
      );
    default:
      return tf.where(tf.greater(x, 0.1), x, tf.fill([n, h, w, c], 0.25));
  }
}

/** Steps that jump, where rounding decides on the side; and maxima, whose gradient TF.js gets wrong when it broadcasts. */
function hasNoGradient([kind, , , choice]: Step): boolean {
  return kind === 11 || (kind === 1 && choice % UNARY.length === 5) || (kind === 2 && choice % BINARY.length === 2);
}

const SIZE_LIMIT = 3000;

/** Runs the steps on a growing list of values and returns the list. */
function interpret(steps: readonly Step[], start: readonly Tensor[], fill: (shape: number[]) => Tensor): Tensor[] {
  const values = [...start];
  for (const step of steps) {
    const [x, y] = [values[step[1] % values.length], values[step[2] % values.length]] as [Tensor, Tensor];
    const next = apply(step, x, y, fill);
    if (next.size <= SIZE_LIMIT) values.push(next);
  }
  return values;
}

function constantsFrom(seed: number): (shape: number[]) => Tensor {
  const random = randomNumbers(seed);
  return (shape) =>
    tf.tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.4 * random()),
      shape,
    );
}

const steps = fc.array(fc.tuple(fc.nat(11), fc.nat(40), fc.nat(40), fc.nat(60)), { minLength: 3, maxLength: 14 });
const shape = fc.tuple(
  fc.integer({ min: 1, max: 2 }),
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 1, max: 4 }),
);

async function expectAgreement(program: Program, x: TensorData): Promise<void> {
  const executable = await createOnnxEngine().compile(program);
  const [actual, expected] = [await executable.run({ x }), await runCpu(program, { x })];
  await executable.release();
  for (const [name, { data, shape: wanted }] of Object.entries(expected)) {
    expect([name, ...(actual[name] as TensorData).shape]).toEqual([name, ...wanted]);
    expect(distance((actual[name] as TensorData).data, data), name).toBeLessThan(1e-4);
  }
}

function inputOf(size: readonly number[], seed: number): TensorData {
  const random = randomNumbers(seed);
  return {
    dtype: 'float32',
    shape: size,
    data: Float32Array.from({ length: size.reduce((a, b) => a * b, 1) }, random),
  };
}

describe('random programs give what the TF.js CPU backend gives', () => {
  it('in every value they compute', async () => {
    await fc.assert(
      fc.asyncProperty(steps, shape, fc.nat(1000), async (list, size, seed) => {
        const program: Program = {
          name: 'random',
          inputs: { x: { shape: size } },
          run: ({ x }) =>
            Object.fromEntries(
              interpret(list, [x as Tensor], constantsFrom(seed)).map((value, i) => [`value ${i}`, value]),
            ),
        };
        await expectAgreement(program, inputOf(size, seed + 1));
      }),
      { numRuns: 120, seed: 1 },
    );
  });

  it('in their gradients', async () => {
    await fc.assert(
      fc.asyncProperty(steps, shape, fc.nat(1000), async (list, size, seed) => {
        const differentiable = list.filter((step) => !hasNoGradient(step));
        const program: Program = {
          name: 'random gradient',
          inputs: { x: { shape: size } },
          run: ({ x }) => ({
            dx: tf.grad((value) =>
              tf.mean(tf.square(interpret(differentiable, [value], constantsFrom(seed)).at(-1) as Tensor)),
            )(x as Tensor),
          }),
        };
        await expectAgreement(program, inputOf(size, seed + 1));
      }),
      { numRuns: 120, seed: 2 },
    );
  });
});
