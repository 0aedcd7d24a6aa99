import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withoutOwnSoftness } from '../../../src/core/degradation/vector.ts';
import { compileServedModel } from '../../../src/core/engine/served/served-model.ts';
import type { ServedModel } from '../../../src/core/engine/served/served-types.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import { createDuals } from '../../../src/core/network/dual.ts';
import { countMacs } from '../../../src/core/network/network.ts';
import type { EdgeSpec } from '../../../src/core/network/spec.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { createRandom } from '../../../src/core/random.ts';
import { type Tensor4D, tf } from '../../../src/core/tf.ts';
import { createUpscaler } from '../../../src/core/upscale/upscale.ts';
import type { Upscaler } from '../../../src/core/upscale/upscaler.ts';

const spec: EdgeSpec = {
  family: 'edge',
  scale: 2,
  featureCount: 16,
  innerWidths: [16, 16],
  code: { width: 5, hidden: 8, estimator: [8, 8, 16] },
};
const network = createNetwork(spec);
const duals = createDuals(spec);
/** Modulation starts near nothing; here it must show. */
const parameters = Object.fromEntries(
  Object.entries(initialiseParameters(network, createRandom(3))).map(([name, { shape, data }]) => {
    const factor = /scale|shift/.test(name) ? 300 : 1;
    return [name, { shape, data: data.map((value) => factor * value) }];
  }),
);
const dualParameters = Object.assign({}, ...duals.map((dual) => initialiseParameters(dual, createRandom(4))));
const source = {
  manifest: { id: 'blind', spec, macs: { perLrPixel: countMacs(network, 2, 1) - countMacs(network, 1, 1) } },
  parameters,
  dualParameters,
  digest: 'blind-test',
};

const width = 125;
const height = 120;
const random = createRandom(9);
const picture: PixelImage = {
  width,
  height,
  channels: 3,
  data: Uint8Array.from({ length: width * height * 3 }, () => Math.floor(random() * 256)),
};

/** TF.js in plain JavaScript, the whole picture at once. */
async function byTfjs(code?: Float32Array): Promise<{ bytes: Uint8Array; guess: Float32Array }> {
  await tf.setBackend('cpu');
  const tensors = Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]),
  );
  const image = tf.tensor4d(
    Float32Array.from(picture.data, (value) => value / 255),
    [1, height, width, 3],
  );
  const guess = network.estimate?.(tensors, image) as Tensor4D;
  const told = code ? tf.tensor4d(code, [1, 1, 1, 5]) : guess;
  const enlarged = network.forward(tensors, image, told).at(-1) as Tensor4D;
  const bytes = new Uint8Array(Uint8ClampedArray.from(enlarged.dataSync(), (value) => value * 255).buffer);
  return { bytes, guess: guess.dataSync() as Float32Array };
}

function mostDifferent(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

const CODE = Float32Array.of(0.8, 0.2, -0.1, 0.4, 0.3);
let upscaler: Upscaler;
let model: ServedModel;
beforeAll(async () => {
  model = compileServedModel(source);
  // 4096 pixels a tile: the picture is cut into many.
  upscaler = await createUpscaler({ provider: 'cpu', workers: 2, maxTilePixels: 4096 });
});
afterAll(() => upscaler.close());

describe('a network that is told how its picture was degraded', () => {
  test('gives in tiles, its weights modulated, what TF.js gives on the whole picture', async () => {
    const { bytes } = await byTfjs(CODE);
    const { data } = await upscaler.upscale(picture, model, { vector: CODE });
    expect(mostDifferent(data, bytes)).toBeLessThanOrEqual(1);
    const other = await upscaler.upscale(picture, model, { vector: new Float32Array(5) });
    expect(mostDifferent(other.data, bytes)).toBeGreaterThan(10);
  });

  test('guesses as TF.js does, and goes by its guess when nobody tells it', async () => {
    const wanted = withoutOwnSoftness((await byTfjs()).guess, model.scale);
    const { bytes } = await byTfjs(wanted);
    const code = await upscaler.estimate(picture, model);
    for (const [i, value] of code.entries()) expect(value).toBeCloseTo(wanted[i], 4);
    const { data } = await upscaler.upscale(picture, model);
    expect(mostDifferent(data, bytes)).toBeLessThanOrEqual(1);
  });

  test('is checked by a dual network that is told the same', async () => {
    const rows = { ...picture, channels: 3 as const, top: 0, rows: height };
    const check = async (code: Float32Array) =>
      (await upscaler.upscaleRows(rows, model, { checkShare: 1, vector: code })).difference;
    const [told, plain] = [await check(CODE), await check(new Float32Array(5))];
    expect(told.count).toBeGreaterThan(0);
    expect(told.sum / told.count).not.toBeCloseTo(plain.sum / plain.count, 3);
  });

  test('runs on TF.js too', async () => {
    const small = { width: 24, height: 20, channels: 3, data: picture.data.slice(0, 24 * 20 * 3) };
    const eager = await createUpscaler({ engine: 'tfjs', provider: 'cpu', workers: 1 });
    try {
      const { data } = await eager.upscale(small, compileServedModel(source, 'tfjs'), { vector: CODE });
      const expected = await upscaler.upscale(small, model, { vector: CODE });
      expect(mostDifferent(data, expected.data)).toBeLessThanOrEqual(1);
      const guess = await eager.estimate(small, compileServedModel(source, 'tfjs'));
      for (const [i, value] of (await upscaler.estimate(small, model)).entries())
        expect(guess[i]).toBeCloseTo(value, 4);
    } finally {
      await eager.close();
    }
  });

  test('a code of another length is refused', async () => {
    await expect(upscaler.upscale(picture, model, { vector: new Float32Array(3) })).rejects.toThrow('`vector`');
  });
});
