import { describe, expect, it, test } from 'vitest';
import { createSession, sessionExecutable } from '../../../src/core/engine/onnx/onnx-session.ts';
import { enlargeProgram } from '../../../src/core/engine/served/programs.ts';
import { tileOfSubpixels } from '../../../src/core/engine/tile/enlarged-tile.ts';
import { compileProgram } from '../../../src/core/graph/compile.ts';
import { serializeOnnx } from '../../../src/core/graph/onnx-model.ts';
import type { Program } from '../../../src/core/graph/program.ts';
import { SUBPIXEL_BYTES, SUBPIXELS, withSubpixelOutputs } from '../../../src/core/graph/subpixel-outputs.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';
import { type Tensor4D, tf } from '../../../src/core/tf.ts';
import { runOnnx, uniform } from '../../helpers/programs.ts';

const NETWORKS: Record<string, { spec: NetworkSpec; side: number }> = {
  'edge x2': { spec: { family: 'edge', scale: 2, featureCount: 6, innerWidths: [5] }, side: 2 },
  'edge x3': { spec: { family: 'edge', scale: 3, featureCount: 6, innerWidths: [5] }, side: 3 },
  'edge x4': { spec: { family: 'edge', scale: 4, featureCount: 16, innerWidths: [16] }, side: 4 },
  'drn x4, which ends in a convolution': { spec: { family: 'drn', scale: 4, featureCount: 8, blockCount: 1 }, side: 1 },
};

describe('a picture that leaves in cells', () => {
  test.each(Object.entries(NETWORKS))('is the one of the graph it was made from: %s', async (_, { spec, side }) => {
    const network = createNetwork(spec as never);
    const program = enlargeProgram(network, initialiseParameters(network, createRandom(3)));
    const image = uniform([1, 8, 12, 3], 0, 1);
    const { enlarged } = await runOnnx(program, { image });
    const graph = withSubpixelOutputs(compileProgram(program), 'enlarged');
    const executable = sessionExecutable(await createSession(serializeOnnx(graph)));
    const { [SUBPIXELS]: cells, [SUBPIXEL_BYTES]: levels } = await executable.run({ image });
    await executable.release();
    const rounded = levels!.data as unknown as Uint8Array;
    const tile = tileOfSubpixels(cells!.data as Float32Array, cells!.shape, rounded);
    expect(tile.bytes?.side).toBe(side);
    expect(levels!.shape).toEqual(cells!.shape);
    const pixels = tile.rows(0, tile.height);
    const expected = enlarged!.data as Float32Array;
    expect(pixels.length).toBe(expected.length);
    expect(Math.max(...pixels.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-6);
    for (const [i, level] of rounded.entries()) {
      const value = (cells!.data as Float32Array)[i]! * 255;
      expect(Math.abs(level - Math.min(255, Math.max(0, value)))).toBeLessThanOrEqual(0.5001);
    }
  });

  const image = { image: { shape: [1, 4, 4, 12] } };
  test.each([
    ['no pixels', (x: Tensor4D) => tf.mean(x, [1, 2])],
    ['one colour', (x: Tensor4D) => tf.depthToSpace(tf.relu(tf.slice(x, [0, 0, 0, 0], [1, 4, 4, 4])), 2)],
    ['the input itself', (x: Tensor4D) => x],
  ])('is not for a graph that ends in %s', (_, run) => {
    const program: Program = {
      name: 'other',
      inputs: image,
      run: ({ image: x }) => ({ enlarged: run(x as Tensor4D) }),
    };
    const graph = compileProgram(program);
    expect(withSubpixelOutputs(graph, 'enlarged')).toBe(graph);
  });

  it('clamps: what is below black is black, what is above white is white', async () => {
    const program: Program = {
      name: 'bright',
      inputs: { image: { shape: [1, 1, 2, 3] } },
      run: ({ image: x }) => ({
        enlarged: tf.depthToSpace(tf.tile(tf.sub(tf.mul(x as Tensor4D, 3), 1), [1, 1, 1, 4]), 2),
      }),
    };
    const executable = sessionExecutable(
      await createSession(serializeOnnx(withSubpixelOutputs(compileProgram(program), 'enlarged'))),
    );
    const data = Float32Array.of(0, 1 / 3, 0.55, 0.6, 2 / 3, 1);
    const { [SUBPIXEL_BYTES]: levels } = await executable.run({
      image: { dtype: 'float32', shape: [1, 1, 2, 3], data },
    });
    await executable.release();
    // Two columns; of each cell four times red, green, blue.
    const planes = [0, 204, 0, 255, 166, 255];
    expect([...(levels!.data as unknown as Uint8Array)]).toEqual([planes, planes, planes, planes].flat());
  });
});
