import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { createTfjsEngine } from '../../../src/core/engine/tfjs/tfjs-engine.ts';
import type { Program } from '../../../src/core/graph/program.ts';
import { traceProgram } from '../../../src/core/graph/trace.ts';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import { expectEqual, floats, runCpu, runOnnx, uniform } from '../../helpers/programs.ts';

function installed(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
const hasWasm = installed('@tensorflow/tfjs-backend-wasm');
const hasTensorflow = installed('@tensorflow/tfjs-node') || installed('@tensorflow/tfjs-node-gpu');

const network = createNetwork({ family: 'drn', scale: 2, featureCount: 4, blockCount: 1 });
const forward: Program = {
  name: 'drn',
  inputs: { image: { shape: [1, 6, 8, 3] } },
  constants: Object.fromEntries(network.parameters.map(({ name, shape }) => [name, uniform(shape, -0.2, 0.2)])),
  run: ({ image, ...parameters }) => {
    const [small, large] = network.forward(parameters, image as Tensor4D) as [Tensor, Tensor];
    return { small, large };
  },
};
const image = uniform([1, 6, 8, 3], 0, 1);

describe('the tfjs engine', () => {
  it('gives what the onnx engine gives', async () => {
    expectEqual(await runCpu(forward, { image }), await runOnnx(forward, { image }), 1e-4);
  });

  it.skipIf(!hasWasm)(
    'runs forward passes on the wasm backend (skipped without @tensorflow/tfjs-backend-wasm)',
    async () => {
      const engine = await createTfjsEngine({ backend: 'wasm' });
      expect(engine.provider).toBe('wasm');
      const executable = await engine.compile(forward);
      expectEqual(await executable.run({ image }), await runCpu(forward, { image }), 1e-4);
      expectEqual(await executable.run({ image }), await runOnnx(forward, { image }), 1e-4);
      await executable.release();
    },
  );

  it('computes on its own backend, whichever was active before', async () => {
    const engine = await createTfjsEngine({ backend: 'cpu' });
    if (hasWasm) await createTfjsEngine({ backend: 'wasm' });
    const executable = await engine.compile({
      name: 'which',
      inputs: { x: { shape: [1] } },
      run: ({ x }) => ({ y: tf.mul(x as Tensor, tf.getBackend() === 'cpu' ? 1 : 0) }),
    });
    const { y } = await executable.run({ x: floats([7]) });
    expect([...(y?.data ?? [])]).toEqual([7]);
    await executable.release();
  });

  it.skipIf(hasTensorflow)(
    'asked for tensorflow without the package names both packages (skipped where one is installed)',
    async () => {
      await expect(createTfjsEngine({ backend: 'tensorflow' })).rejects.toMatchObject({
        code: 'DS_BAD_OPTION',
        message: expect.stringMatching(/`backend`.*@tensorflow\/tfjs-node-gpu.*@tensorflow\/tfjs-node:/),
      });
    },
  );

  it('takes the best backend there is and logs it', async () => {
    const lines: string[] = [];
    const engine = await createTfjsEngine({ log: (line) => lines.push(line) });
    expect(engine.provider).toBe(hasTensorflow ? 'tensorflow' : hasWasm ? 'wasm' : 'cpu');
    expect(lines).toEqual([expect.stringContaining(`backend ${engine.provider}`)]);
  });

  it('keeps no tensors between runs, and none after its release', async () => {
    const engine = await createTfjsEngine({ backend: 'cpu' });
    const before = tf.memory().numTensors;
    const executable = await engine.compile(forward);
    await executable.run({ image });
    const { numTensors, numBytes } = tf.memory();
    for (let i = 0; i < 3; i++) await executable.run({ image });
    expect([tf.memory().numTensors, tf.memory().numBytes]).toEqual([numTensors, numBytes]);
    await executable.release();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('keeps no tensors of a run that failed', async () => {
    const executable = await (await createTfjsEngine({ backend: 'cpu' })).compile({
      name: 'failing',
      inputs: { x: { shape: [2] } },
      run: ({ x }) => {
        tf.neg(x as Tensor);
        throw new Error('no such layer');
      },
    });
    const { numTensors } = tf.memory();
    await expect(executable.run({ x: floats([1, 2]) })).rejects.toThrow('no such layer');
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it('can return a constant or an input again and again', async () => {
    const executable = await (await createTfjsEngine({ backend: 'cpu' })).compile({
      name: 'constant',
      inputs: { x: { shape: [2] } },
      constants: { c: floats([1, 2]) },
      run: ({ c, x }) => ({ c: c as Tensor, twice: c as Tensor, x: x as Tensor, y: tf.add(c as Tensor, x as Tensor) }),
    });
    for (let i = 0; i < 2; i++) {
      const result = await executable.run({ x: floats([3, 4]) });
      expect(Object.entries(result).map(([name, { data }]) => [name, ...data])).toEqual([
        ['c', 1, 2],
        ['twice', 1, 2],
        ['x', 3, 4],
        ['y', 4, 6],
      ]);
    }
    await executable.release();
  });

  it('runs beside traces', async () => {
    const executable = await (await createTfjsEngine({ backend: 'cpu' })).compile(forward);
    const first = await executable.run({ image });
    const running = executable.run({ image });
    traceProgram(forward);
    expectEqual(await running, first, 0);
    expectEqual(await executable.run({ image }), first, 0);
    await executable.release();
  });
});
