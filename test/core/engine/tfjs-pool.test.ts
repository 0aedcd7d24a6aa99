import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTilePool, type TilePoolOptions } from '../../../src/core/engine/pool/pool.ts';
import type { TfjsBackend } from '../../../src/core/engine/runtime.ts';
import { compileServedModel } from '../../../src/core/engine/served/served-model.ts';
import { findMissingPackages } from '../../../src/core/engine/tfjs/tfjs-backend.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { createUpscaler } from '../../../src/core/upscale/upscale.ts';
import type { Upscaler } from '../../../src/core/upscale/upscaler.ts';
import { randomNumbers } from '../../helpers/onnx-fixtures.ts';

const hasWasm = findMissingPackages('wasm') === undefined;
const hasTensorflow = findMissingPackages('tensorflow') === undefined;

function storedModel(id: string, spec: NetworkSpec) {
  const network = createNetwork(spec);
  const random = randomNumbers(11);
  const parameters = initialiseParameters(network, () => (random() + 1) / 2);
  return { manifest: { id, spec, macs: { perLrPixel: 1 } }, parameters, digest: id };
}

const edge = storedModel('edge', { family: 'edge', scale: 3, featureCount: 8, innerWidths: [8, 4] });
const drn = storedModel('drn', { family: 'drn', scale: 2, featureCount: 4, blockCount: 1 });

function randomImage(width: number, height: number): PixelImage {
  const random = randomNumbers(5);
  const data = Uint8Array.from({ length: width * height * 3 }, () => (random() + 1) * 127.99);
  return { width, height, channels: 3, data };
}

function expectWithinOneLevel(image: PixelImage, expected: PixelImage): void {
  expect([image.width, image.height]).toEqual([expected.width, expected.height]);
  const differences = image.data.map((value, i) => Math.abs(value - (expected.data[i] as number)));
  expect(differences.reduce((largest, difference) => Math.max(largest, difference), 0)).toBeLessThanOrEqual(1);
  // One level only where a float lies at a rounding boundary.
  expect(differences.filter((difference) => difference > 0).length).toBeLessThan(image.data.length / 1000 + 1);
}

const backends: TfjsBackend[] = hasWasm ? ['wasm', 'cpu'] : ['cpu'];

describe.each(backends)('workers that run TF.js on %s', (provider) => {
  let onnx: Upscaler;
  let tfjs: Upscaler;
  let tiny: Upscaler;

  beforeAll(async () => {
    onnx = await createUpscaler({ provider: 'cpu', workers: 1 });
    tfjs = await createUpscaler({ engine: 'tfjs', provider, workers: 1 });
    tiny = await createUpscaler({ engine: 'tfjs', provider, workers: 2, maxTilePixels: 4096 });
  });

  afterAll(() => Promise.all([onnx, tfjs, tiny].map((upscaler) => upscaler?.close())));

  test.each([edge, drn])('give what ONNX Runtime gives, within one level ($manifest.id)', async (stored) => {
    const image = randomImage(24, 16);
    const expected = await onnx.upscale(image, compileServedModel(stored));
    const result = await tfjs.upscale(image, compileServedModel(stored, 'tfjs'));
    expect(new Set(expected.data).size).toBeGreaterThan(20);
    expectWithinOneLevel(result, expected);
  });

  test('give the same picture whole and in tiles', async () => {
    const image = randomImage(119, 83);
    const model = compileServedModel(edge, 'tfjs');
    expectWithinOneLevel(await tiny.upscale(image, model), await tfjs.upscale(image, model));
  });

  test('refuse a model that was compiled for ONNX Runtime, and live on', async () => {
    const wrong = tfjs.upscale(randomImage(8, 8), compileServedModel(edge));
    await expect(wrong).rejects.toMatchObject({ code: 'DS_ENGINE', message: expect.stringMatching(/onnx.*tfjs/) });
    expect((await tfjs.upscale(randomImage(8, 8), compileServedModel(edge, 'tfjs'))).width).toBe(24);
  });
});

describe('createTilePool', () => {
  test.each<[string, TilePoolOptions, RegExp]>([
    ['an unknown engine', { engine: 'abacus' as never }, /`engine` to be one of onnx, tfjs, got `abacus`/],
    [
      'a provider of onnx with tfjs',
      { engine: 'tfjs', provider: 'cuda' },
      /`provider` to be one of auto, tensorflow, wasm, cpu with the engine tfjs, got `cuda`/,
    ],
    ['a backend of tfjs with onnx', { provider: 'wasm' }, /`provider` to be one of auto, cpu.*got `wasm`/],
    [
      'threads with tfjs',
      { engine: 'tfjs', provider: 'cpu', threadsPerWorker: 2 },
      /`threadsPerWorker` to be 1 with the engine tfjs, got `2`/,
    ],
  ])('refuses %s', async (_, options, message) => {
    await expect(createTilePool(options)).rejects.toMatchObject({
      code: 'DS_BAD_OPTION',
      message: expect.stringMatching(message),
    });
  });

  test.skipIf(hasTensorflow)(
    'asked for tensorflow names the packages that are missing (skipped where one is installed)',
    async () => {
      await expect(createTilePool({ engine: 'tfjs', provider: 'tensorflow' })).rejects.toMatchObject({
        code: 'DS_BAD_OPTION',
        message:
          'expected `provider` to be a TF.js backend that works here, got ' +
          '`tensorflow: not installed: @tensorflow/tfjs-node-gpu, @tensorflow/tfjs-node`',
      });
    },
  );

  test('auto says which backend it took, and why not a faster one', async () => {
    const messages: string[] = [];
    const log = (message: string) => messages.push(message);
    const pool = await createTilePool({ engine: 'tfjs', logger: { info: log, warn: log } });
    const expected = hasTensorflow ? 'tensorflow' : hasWasm ? 'wasm' : 'cpu';
    expect(pool.runtime).toEqual({ engine: 'tfjs', provider: expected });
    expect(messages).toEqual([expect.stringContaining(`engine tfjs on backend ${expected}`)]);
    if (!hasTensorflow) expect(messages[0]).toContain('tensorflow: not installed');
    await pool.close();
  });
});
