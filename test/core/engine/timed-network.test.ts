import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine, Tensors } from '../../../src/core/engine/engine.ts';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { compileServedModel } from '../../../src/core/engine/served/served-model.ts';
import { openTimedNetwork } from '../../../src/core/engine/served/timed-network.ts';
import { createTfjsEngine } from '../../../src/core/engine/tfjs/tfjs-engine.ts';
import { tileOfSubpixels } from '../../../src/core/engine/tile/enlarged-tile.ts';
import { SUBPIXEL_BYTES, SUBPIXELS } from '../../../src/core/graph/subpixel-outputs.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import { countMacs } from '../../../src/core/network/network.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';
import { createUpscaler } from '../../../src/core/upscale/upscale.ts';
import type { Upscaler } from '../../../src/core/upscale/upscaler.ts';

const SIZE = { width: 20, height: 12 };
/** What is timed enlarges this. */
const picture = {
  ...SIZE,
  channels: 3 as const,
  data: Uint8Array.from({ length: 20 * 12 * 3 }, (_, i) => (i * 37) % 256),
};

const edge = { family: 'edge', scale: 2, featureCount: 16, innerWidths: [16, 8] } as const;
const CASES: readonly (readonly [string, NetworkSpec])[] = [
  ['in blocks of channels', edge],
  ['in cells alone', { ...edge, featureCount: 20 }],
  ['told a code', { ...edge, code: { width: 5, hidden: 8, estimator: [8, 8, 16] } }],
  ['of several levels', { family: 'drn', scale: 2, featureCount: 8, blockCount: 1 }],
];

/** An engine that keeps what its programs were given and made. */
function createWitness(engine: Engine) {
  const seen: { inputs: Tensors; outputs: Tensors }[] = [];
  const watch = (compile: Engine['compile']): Engine['compile'] => {
    return async (program) => {
      const { run, release } = await compile(program);
      return {
        async run(inputs) {
          const outputs = await run(inputs);
          seen.push({ inputs, outputs });
          return outputs;
        },
        release,
      };
    };
  };
  const { compileServed } = engine;
  const served = compileServed ? { compileServed: watch(compileServed) } : {};
  return { seen, engine: { ...engine, compile: watch(engine.compile), ...served } };
}

/** What the pictures' writer makes of a network's outputs. */
function bytesOf({ enlarged, [SUBPIXELS]: cells, [SUBPIXEL_BYTES]: levels }: Tensors): Uint8Array {
  if (enlarged) return new Uint8Array(Uint8ClampedArray.from(enlarged.data, (value) => value * 255).buffer);
  const tile = tileOfSubpixels(cells!.data as Float32Array, cells!.shape, levels!.data as unknown as Uint8Array);
  return new Uint8Array(Uint8ClampedArray.from(tile.rows(0, tile.height), (value) => value * 255).buffer);
}

describe('openTimedNetwork', () => {
  let upscaler: Upscaler;
  beforeAll(async () => {
    upscaler = await createUpscaler({ workers: 1 });
  });
  afterAll(() => upscaler.close());

  test.each(CASES)('runs what a server runs on a picture of that size: %s', async (_, spec) => {
    const network = createNetwork(spec);
    const parameters = initialiseParameters(network, createRandom(3));
    const { engine, seen } = createWitness(createOnnxEngine());
    const timed = await openTimedNetwork(engine, network, parameters, SIZE);
    await timed.run();
    await timed.release();
    const manifest = { id: 'it', spec, macs: { perLrPixel: countMacs(network, 1, 1) } };
    const model = compileServedModel({ manifest, parameters, digest: JSON.stringify(spec) });
    const isConditioned = spec.family === 'edge' && spec.code !== undefined;
    const served = await upscaler.upscale(picture, model, isConditioned ? { vector: new Float32Array(5) } : {});
    const [{ inputs, outputs }] = seen as [(typeof seen)[0]];
    expect(inputs['image']?.shape).toEqual([1, 12, 20, 3]);
    expect(inputs['code']?.shape).toEqual(isConditioned ? [1, 1, 1, 5] : undefined);
    expect(Object.keys(outputs).toSorted()).toEqual([SUBPIXEL_BYTES, SUBPIXELS]);
    const differences = bytesOf(outputs).map((value, i) => Math.abs(value - served.data[i]!));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
  });

  test('takes what other engines compile', async () => {
    const network = createNetwork(edge);
    const { engine, seen } = createWitness(await createTfjsEngine({ backend: 'cpu' }));
    const timed = await openTimedNetwork(engine, network, initialiseParameters(network, createRandom(3)), SIZE);
    await timed.run();
    await timed.release();
    expect(seen.map(({ outputs }) => outputs['enlarged']?.shape)).toEqual([[1, 24, 40, 3]]);
  });
});
