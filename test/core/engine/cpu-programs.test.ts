import { describe, expect, it, test } from 'vitest';
import { nchwcBlockSize } from '../../../src/core/engine/onnx/nchwc-block.ts';
import { createSession, sessionExecutable } from '../../../src/core/engine/onnx/onnx-session.ts';
import { enlargeProgram } from '../../../src/core/engine/served/programs.ts';
import { compileForCpu } from '../../../src/core/engine/served/served-model.ts';
import { tileOfSubpixels } from '../../../src/core/engine/tile/enlarged-tile.ts';
import { compileProgram } from '../../../src/core/graph/compile.ts';
import { serializeOnnx } from '../../../src/core/graph/onnx-model.ts';
import { SUBPIXEL_BYTES, SUBPIXELS } from '../../../src/core/graph/subpixel-outputs.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { EdgeSpec } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';
import { uniform } from '../../helpers/programs.ts';

const block = await nchwcBlockSize();
const reason = block === 0 ? ' (skipped: this ONNX Runtime has no blocked convolutions)' : '';

function compileEdge(spec: Omit<EdgeSpec, 'family'>) {
  const network = createNetwork({ family: 'edge', ...spec });
  return compileProgram(enlargeProgram(network, initialiseParameters(network, createRandom(5))));
}

const open = async (onnx: Uint8Array) => sessionExecutable(await createSession(onnx));

describe.skipIf(block === 0)(`graphs for a CPU${reason}`, () => {
  // 12 and 27 channels before the pixel shuffle are no whole blocks, and neither are 20, 8 and 3.
  test.each([
    [2, [32, 16]],
    [3, [32, 16]],
    [4, [32, 16]],
    [4, [20, 8, 16, 3]],
  ] as const)(
    'in blocks give what the general graph gives, for any size: x%s, widths %s',
    async (scale, innerWidths) => {
      const graph = compileEdge({ scale, featureCount: 16, innerWidths: [...innerWidths] });
      const onnx = compileForCpu(graph, false).blockedOnnx?.[block as Exclude<typeof block, 0>];
      expect(onnx).toBeDefined();
      const [general, blocked] = [await open(serializeOnnx(graph)), await open(onnx!)];
      for (const [height, width] of [
        [9, 14],
        [24, 24],
        [5, 31],
      ] as const) {
        // biome-ignore format: one line
        const image = uniform([1, height, width, 3], 0, 1);
        const { enlarged } = await general.run({ image });
        const { [SUBPIXELS]: cells, [SUBPIXEL_BYTES]: levels } = await blocked.run({ image });
        const tile = tileOfSubpixels(cells!.data as Float32Array, cells!.shape, levels!.data as unknown as Uint8Array);
        const pixels = tile.rows(0, height * scale);
        const expected = enlarged!.data as Float32Array;
        expect(pixels.length).toBe(expected.length);
        expect(Math.max(...pixels.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(2e-6);
      }
      await Promise.all([general.release(), blocked.release()]);
    },
  );

  it('leave blocks to ONNX Runtime where the trunk is no multiple of them', () => {
    const graph = compileEdge({ scale: 4, featureCount: 20, innerWidths: [16, 16] });
    const { blockedOnnx, cpuOnnx } = compileForCpu(graph, false);
    expect([blockedOnnx, cpuOnnx?.length]).toEqual([undefined, expect.any(Number)]);
  });
});
