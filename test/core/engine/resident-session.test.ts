import { describe, expect, test } from 'vitest';
import { createResidentSession } from '../../../src/core/engine/onnx/resident-session.ts';
import { compileProgram } from '../../../src/core/graph/compile.ts';
import { serializeOnnx } from '../../../src/core/graph/onnx-model.ts';
import type { TensorData } from '../../../src/core/graph/program.ts';
import { type Tensor, tf } from '../../../src/core/tf.ts';
import { floats } from '../../helpers/programs.ts';

/** next = sum + x; also says by how much the sum grows in total. */
const onnx = serializeOnnx(
  compileProgram({
    name: 'running-sum',
    inputs: { sum: { shape: [2] }, x: { shape: [2] } },
    run: ({ sum, x }) => ({ next: tf.add(sum as Tensor, x as Tensor), grown: tf.sum(x as Tensor) }),
  }),
);

const open = () =>
  createResidentSession(onnx, { provider: 'cpu', nextOutputs: { sum: 'next' }, state: { sum: floats([10, 20]) } });

const values = ({ data }: TensorData) => [...data];

describe('createResidentSession', () => {
  test('goes on from the state that the last run made, and keeps state out of the results', async () => {
    const session = await open();
    for (const x of [1, 2, 3]) {
      const results = await session.run({ x: floats([x, -x]) });
      expect(Object.keys(results)).toEqual(['grown']);
      session.advance();
    }
    expect(values((await session.readState())['sum'] as TensorData)).toEqual([16, 14]);
    await session.release();
  });

  test('forgets a run after which it was not advanced', async () => {
    const session = await open();
    const { grown } = await session.run({ x: floats([100, 1]) });
    expect(values(grown as TensorData)).toEqual([101]);
    expect(values((await session.readState())['sum'] as TensorData)).toEqual([10, 20]);
    await session.run({ x: floats([1, 1]) });
    session.advance();
    expect(values((await session.readState())['sum'] as TensorData)).toEqual([11, 21]);
    expect(() => session.advance()).toThrow('no run');
    await session.release();
  });

  test('tells where its nodes ran, and goes on', async () => {
    const session = await open();
    await session.run({ x: floats([1, 1]) });
    const placement = await session.placement();
    expect(placement).toMatchObject({ provider: 'cpu', cpuNodes: {}, copies: 0 });
    expect(placement.nodes).toBeGreaterThanOrEqual(2);
    await session.run({ x: floats([5, 5]) });
    session.advance();
    expect(values((await session.readState())['sum'] as TensorData)).toEqual([15, 25]);
    await session.release();
  });
});
