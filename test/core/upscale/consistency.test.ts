/** The dual network's check: against a chain of convolutions done by hand, in any tiling, and what follows from a bad result. */
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EngineName } from '../../../src/core/engine/runtime.ts';
import { compileServedModel, lanczosModel } from '../../../src/core/engine/served/served-model.ts';
import type { ServedModel } from '../../../src/core/engine/served/served-types.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import { createDuals } from '../../../src/core/network/dual.ts';
import type { NetworkSpec, ParameterValues } from '../../../src/core/network/spec.ts';
import { imresize } from '../../../src/core/pixels/imresize.ts';
import { checkConsistency, enlargeEncoded } from '../../../src/core/upscale/enlarge-encoded.ts';
import { createUpscaler } from '../../../src/core/upscale/upscale.ts';
import type { Upscaler } from '../../../src/core/upscale/upscaler.ts';
import { repeatPixels } from '../../helpers/nearest-models.ts';
import { randomNumbers } from '../../helpers/onnx-fixtures.ts';
import { pixels, toSharp } from '../codec/pictures.ts';

type Values = Record<string, ParameterValues>;

const edge = (scale: 2 | 3 | 4): NetworkSpec => ({ family: 'edge', scale, featureCount: 4, innerWidths: [4] });

/** Repeats pixels; its dual networks have the weights that `dual` gives. */
function nearestModel(spec: NetworkSpec, dual: (duals: Values) => Values, engine: EngineName = 'onnx'): ServedModel {
  const random = randomNumbers(9);
  const parameters = initialiseParameters(createNetwork(spec), () => 0.5);
  const duals = createDuals(spec).flatMap((network) => network.parameters);
  const dualParameters = dual(initialiseParameters({ parameters: duals }, () => (random() + 1) / 2));
  const manifest = { id: 'nearest', spec, macs: { perLrPixel: 1e6 } };
  return compileServedModel(
    { manifest, parameters, dualParameters, digest: `${spec.family}${spec.scale} ${dual.name}` },
    engine,
  );
}

const sameWeights = (duals: Values) => duals;

/** All weights zero but the middle ones, so that the dual networks pick one pixel of each cell: exactly what was repeated. */
function pickingWeights(duals: Values): Values {
  const entries = Object.entries(duals).map(([name, { shape, data }]) => {
    const [height, width, inChannels, outChannels] = shape as [number, number, number, number];
    const picking = new Float32Array(data.length);
    const middle = (Math.floor(height / 2) * width + Math.floor(width / 2)) * inChannels * outChannels;
    // The nine pixels of a cell are channels in the dual network of scale 3: any of them.
    for (let channel = 0; channel < 3; channel++) picking[middle + channel * outChannels + channel] = 1;
    return [name, { shape, data: picking }] as const;
  });
  return Object.fromEntries(entries);
}

const picture = pixels(61, 47, 3, (x, y, c) => (x * 53 + y * 97 + c * 31 + x * y * 7) % 256);

/** One layer of the dual network of scale 2, written out: stride 2 or 1, zero padding. */
function convolve(image: number[][][], { shape, data }: ParameterValues, stride: number): number[][][] {
  const [, , inChannels, outChannels] = shape as [number, number, number, number];
  const at = (y: number, x: number, channel: number) => image[y]?.[x]?.[channel] ?? 0;
  const value = (y: number, x: number, out: number) => {
    let sum = 0;
    for (let tap = 0; tap < 9; tap++) {
      const [dy, dx] = [Math.floor(tap / 3), tap % 3];
      for (let channel = 0; channel < inChannels; channel++) {
        sum +=
          at(y * stride + dy - 1, x * stride + dx - 1, channel) *
          data[(tap * inChannels + channel) * outChannels + out]!;
      }
    }
    return sum;
  };
  const [height, width] = [image.length / stride, image[0]!.length / stride];
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => Array.from({ length: outChannels }, (_, out) => value(y, x, out))),
  );
}

function errorByHand(duals: Values, { first = 0, rows = picture.height } = {}): number {
  const large = repeatPixels(picture, 2);
  let image = Array.from({ length: large.height }, (_, y) =>
    Array.from({ length: large.width }, (_, x) =>
      [0, 1, 2].map((c) => large.data[(y * large.width + x) * 3 + c]! / 255),
    ),
  );
  image = convolve(image, duals['dual.0.weight']!, 2).map((row) =>
    row.map((pixel) => pixel.map((v) => (v > 0 ? v : 0.2 * v))),
  );
  image = convolve(image, duals['dual.1.weight']!, 1);
  const judged = picture.data.subarray(first * 61 * 3, (first + rows) * 61 * 3);
  const sum = judged.reduce((total, value, i) => {
    const [pixel, channel] = [Math.floor(i / 3), i % 3];
    return total + Math.abs(image[first + Math.floor(pixel / 61)]![pixel % 61]![channel]! * 255 - value);
  }, 0);
  return sum / judged.length;
}

describe('the error of a result', () => {
  let upscaler: Upscaler;
  let tiles: Upscaler;
  let png: Buffer;
  const enlarge = (model: ServedModel, by = upscaler) =>
    enlargeEncoded(png, { upscaler: by, model, now: () => 0 }).then(({ consistencyError }) => consistencyError);

  beforeAll(async () => {
    upscaler = await createUpscaler({ provider: 'cpu', workers: 1 });
    tiles = await createUpscaler({ provider: 'cpu', workers: 2, maxTilePixels: 4096 });
    png = await toSharp(picture).png().toBuffer();
  });
  afterAll(() => Promise.all([upscaler.close(), tiles.close()]));

  test('of a share of the rows is that of those in the middle', async () => {
    let duals: Values = {};
    const model = nearestModel(edge(2), (values) => {
      duals = values;
      return values;
    });
    const { difference } = await upscaler.upscaleRows({ ...picture, channels: 3, top: 0, rows: 47 }, model, {
      checkShare: 0.5,
    });
    expect(difference.count).toBe(24 * 61 * 3);
    expect(difference.sum / difference.count).toBeCloseTo(errorByHand(duals, { first: 11, rows: 24 }), 3);
    const inTiles = await tiles.upscaleRows({ ...picture, channels: 3, top: 0, rows: 47 }, model, { checkShare: 1 });
    expect(inTiles.difference.count).toBe(47 * 61 * 3);
  });

  test('is what the convolutions give by hand, in levels', async () => {
    let duals: Values = {};
    const model = nearestModel(edge(2), (values) => {
      duals = values;
      return values;
    });
    const expected = errorByHand(duals);
    expect(expected).toBeGreaterThan(10);
    expect(await enlarge(model)).toBeCloseTo(expected, 2);
    expect(await enlarge(model, tiles)).toBeCloseTo(expected, 2);
  });

  test.each<NetworkSpec>([edge(2), edge(3), edge(4), { family: 'drn', scale: 4, featureCount: 4, blockCount: 1 }])(
    'is a number for $family x$scale, and 0 for a dual network that undoes what the network did',
    async (spec) => {
      expect(await enlarge(nearestModel(spec, sameWeights))).toBeGreaterThan(1);
      if (spec.family === 'edge') expect(await enlarge(nearestModel(spec, pickingWeights))).toBeLessThan(0.01);
    },
  );

  test('of a model without a dual network is absent', async () => {
    expect(await enlarge(lanczosModel(2))).toBeUndefined();
  });

  test('is the same on TF.js', async () => {
    const tfjs = await createUpscaler({ engine: 'tfjs', provider: 'cpu', workers: 1 });
    const expected = await enlarge(nearestModel(edge(2), sameWeights));
    expect(await enlarge(nearestModel(edge(2), sameWeights, 'tfjs'), tfjs)).toBeCloseTo(expected as number, 3);
    await tfjs.close();
  });

  test('above the threshold leads to Lanczos, and says so', async () => {
    const model = nearestModel(edge(2), sameWeights);
    const error = (await enlarge(model)) as number;
    const with_ = (consistency: { maxError: number } | false) =>
      enlargeEncoded(png, { upscaler, model, now: () => 0, consistency });
    const trusted = await with_({ maxError: error * 1.01 });
    expect(trusted.fallback).toBeUndefined();
    const fallen = await with_({ maxError: error * 0.99 });
    expect(fallen).toMatchObject({ fallback: 'consistency', consistencyError: error, width: 122, height: 94 });
    const expected = imresize(picture, { scale: 2 }, { kernel: 'lanczos3', roundBetweenPasses: false });
    const result = await sharp(fallen.data).raw().toBuffer();
    // Beyond the border imresize mirrors and this repeats: three pixels of the source see it.
    for (let i = 0; i < result.length; i++) {
      const [x, y] = [Math.floor(i / 3) % 122, Math.floor(i / 3 / 122)];
      const isInside = x >= 6 && y >= 6 && x < 116 && y < 88;
      if (isInside) expect(Math.abs(result[i]! - expected.data[i]!)).toBeLessThanOrEqual(1);
    }
    expect((await sharp(trusted.data).raw().toBuffer()).equals(Buffer.from(repeatPixels(picture, 2).data))).toBe(true);
    expect((await with_(false)).consistencyError).toBeUndefined();
  });

  test.each([{ maxError: 0 }, { maxError: '1' }, { fallback: 'bicubic' }, { limit: 1 }, true, null])(
    '%j is refused by name',
    (consistency) => {
      expect(() => checkConsistency(consistency as never)).toThrow(
        expect.objectContaining({ code: 'DS_BAD_OPTION', message: expect.stringMatching(/`consistency/) }),
      );
    },
  );
});
