import { describe, expect, it } from 'vitest';
import { compileProgram } from '../../../src/core/graph/compile.ts';
import type { Program, TensorData } from '../../../src/core/graph/program.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import { expectSame, held, uniform } from '../../helpers/programs.ts';

const BIG = [4, 64, 64, 8];

function programOf(shape: readonly number[], run: (x: Tensor) => Tensor): Program {
  return { name: 'constants', inputs: { x: { shape } }, run: ({ x }) => ({ y: run(x as Tensor) }) };
}

function constantBytes(program: Program): number {
  return compileProgram(program).initializers.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** Without the identity filter that `held` brings along. */
const SMALL = 2048;

const SPLATS: Record<string, (x: Tensor) => Tensor> = {
  'product with ones': (x) => tf.mul(x, tf.ones(BIG)),
  'sum with zeros': (x) => tf.add(tf.zeros(BIG), x),
  'difference to a fill': (x) => tf.sub(tf.fill(BIG, 0.5), held(x)),
  'quotient by an array of one number': (x) => tf.div(x, tf.tensor(new Float32Array(4 * 64 * 64 * 8).fill(3), BIG)),
  'zeros like': (x) => tf.maximum(x, tf.zerosLike(x)),
  'ones reshaped and transposed': (x) =>
    tf.mul(held(x), tf.transpose(tf.reshape(tf.ones(BIG), [8, 64, 64, 4]), [3, 1, 2, 0])),
  'slice of ones': (x) => tf.mul(x, tf.slice(tf.fill([8, 64, 64, 8], 2), [0, 0, 0, 0], BIG)),
  'gradient of a mean': (x) => tf.grad((value) => tf.mean(tf.square(value)))(x),
  'gradient of a mean after a convolution': (x) => tf.grad((value) => tf.mean(tf.abs(held(value))))(x),
};

describe('a tensor of one number', () => {
  it.each(Object.entries(SPLATS))('takes no space in the graph: %s', async (_, run) => {
    const program = programOf(BIG, run);
    expect(constantBytes(program)).toBeLessThan(SMALL);
    await expectSame(program, { x: uniform(BIG) });
  });

  it('is spread out where it leaves the program', async () => {
    const program = programOf([], (x) => tf.mul(tf.add(tf.ones([2, 3, 4, 5]), tf.ones([5])), x));
    await expectSame(program, { x: uniform([]) });
  });

  it('leaves the shape of a value alone that others see spread out', async () => {
    const program: Program = {
      name: 'two shapes of one value',
      inputs: { x: { shape: [1, 4, 5, 3] } },
      run: ({ x }) => {
        const y = held(x as Tensor);
        const spread = tf.mul(y, tf.ones([2, 4, 5, 3]));
        return {
          wide: tf.add(spread, tf.tensor([1, 2, 3], [1, 1, 1, 1, 3])),
          narrow: y,
          concatenated: tf.concat([y, y], 0),
          spread,
        };
      },
    };
    const declared = compileProgram(program).outputs.map(({ name, shape }) => [name, ...shape]);
    expect(declared).toContainEqual(['narrow', 1, 4, 5, 3]);
    expect(declared).toContainEqual(['spread', 2, 4, 5, 3]);
    await expectSame(program, { x: uniform([1, 4, 5, 3]) });
  });

  it('may be NaN, infinite or negative zero', async () => {
    const program: Program = {
      name: 'odd numbers',
      inputs: { x: { shape: [2] } },
      run: ({ x }) => ({
        nan: tf.add(x as Tensor, tf.fill([2], Number.NaN)),
        infinite: tf.sub(x as Tensor, tf.fill([2], Number.POSITIVE_INFINITY)),
        mixed: tf.tensor1d([Number.NaN, 1]).add(x as Tensor),
        zero: tf.div(tf.scalar(1), tf.mul(tf.fill([2], -0), tf.abs(x as Tensor))),
      }),
    };
    await expectSame(program, { x: uniform([2]) });
  });
});

describe('a constant', () => {
  const weights: TensorData = uniform([3, 3, 3, 16]);

  it('is stored once, however often it is used', () => {
    const program: Program = {
      ...programOf([1, 8, 8, 3], () => tf.zeros([])),
      constants: { weights },
      run: ({ x, weights: filter }) => {
        const y = tf.conv2d(x as Tensor4D, filter as Tensor4D, 1, 'same');
        return { y: tf.add(tf.conv2d(tf.neg(x as Tensor4D), filter as Tensor4D, 1, 'same'), y) };
      },
    };
    const size = weights.data.byteLength;
    expect(constantBytes(program)).toBeGreaterThanOrEqual(size);
    expect(constantBytes(program)).toBeLessThan(size + 256);
  });

  it('that nothing uses is left out', () => {
    expect(constantBytes({ ...programOf([2], (x) => tf.neg(x)), constants: { weights } })).toBe(0);
  });

  it('with the wrong number of values is refused by name', () => {
    const constants = { weights: { ...weights, shape: [3, 3, 3, 15] } };
    expect(() => compileProgram({ ...programOf([2], tf.neg), constants })).toThrow(
      'constants: constant weights: 432 values for shape [3,3,3,15]',
    );
  });
});
