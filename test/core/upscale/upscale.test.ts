import { join } from 'node:path';
import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileServedModel } from '../../../src/core/engine/served/served-model.ts';
import type { OnnxServedModel, ServedModel } from '../../../src/core/engine/served/served-types.ts';
import { cutTile } from '../../../src/core/engine/tile/tile-pixels.ts';
import { loadModel } from '../../../src/core/models/load.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { planTiles } from '../../../src/core/upscale/plan-tiles.ts';
import { createUpscaler } from '../../../src/core/upscale/upscale.ts';
import type { Upscaler } from '../../../src/core/upscale/upscaler.ts';
import { PACKAGE_ROOT } from '../../../src/core/version.ts';
import { convChainModel, randomNumbers } from '../../helpers/onnx-fixtures.ts';

const model = convChainModel({ scale: 3, layers: 4, featureCount: 8 });

function randomImage(width: number, height: number, seed = 7): PixelImage {
  const random = randomNumbers(seed);
  const data = Uint8Array.from({ length: width * height * 3 }, () => (random() + 1) * 127.99);
  return { width, height, channels: 3, data };
}

/** The network on the whole picture at once, without any of our own code around it. */
async function enlargeWhole(session: InferenceSession, image: PixelImage): Promise<Float32Array> {
  const values = Float32Array.from(image.data, (value) => value / 255);
  const { enlarged } = await session.run({ image: new Tensor('float32', values, [1, image.height, image.width, 3]) });
  return enlarged!.data as Float32Array;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

/** Puts the floats of the tiles together: what the pool does after rounding. */
async function enlargeInTiles(
  session: InferenceSession,
  image: PixelImage,
  { scale, halo }: ServedModel,
  maxTilePixels: number,
) {
  const { width, height } = image;
  const pixels = new SharedArrayBuffer(image.data.length);
  new Uint8Array(pixels).set(image.data);
  const result = new Float32Array(image.data.length * scale ** 2).fill(Number.NaN);
  for (const tile of planTiles({ width, height, halo, maxTilePixels })) {
    const { read } = tile;
    const input = new Tensor('float32', cutTile({ width, height, pixels }, tile), [1, read.height, read.width, 3]);
    const enlarged = (await session.run({ image: input }))['enlarged']!.data as Float32Array;
    for (let y = tile.y * scale; y < (tile.y + tile.height) * scale; y++) {
      for (let x = tile.x * scale; x < (tile.x + tile.width) * scale; x++) {
        const from = ((y - read.y * scale) * read.width * scale + (x - read.x * scale)) * 3;
        result.set(enlarged.subarray(from, from + 3), (y * width * scale + x) * 3);
      }
    }
  }
  return result;
}

describe('tiles of a real network', () => {
  let session: InferenceSession;
  const upscalers = new Map<number, Upscaler>();

  beforeAll(async () => {
    session = await InferenceSession.create(model.onnx);
    for (const maxTilePixels of [4096, 6000, 65_536]) {
      upscalers.set(maxTilePixels, await createUpscaler({ provider: 'cpu', workers: 2, maxTilePixels }));
    }
  });

  afterAll(async () => {
    await Promise.all([...upscalers.values()].map((upscaler) => upscaler.close()));
    await session.release();
  });

  test('equal the whole picture within 1e-5 before rounding, on odd sizes', async () => {
    const sizes = fc.record({ width: fc.integer({ min: 1, max: 90 }), height: fc.integer({ min: 1, max: 90 }) });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 100, max: 2000 }), async ({ width, height }, maxTilePixels) => {
        const image = randomImage(width, height);
        const whole = await enlargeWhole(session, image);
        const tiled = await enlargeInTiles(session, image, model, maxTilePixels);
        // toBeLessThan refuses NaN, so a pixel that no tile wrote fails too.
        expect(largestDifference(tiled, whole)).toBeLessThan(1e-5);
      }),
      { numRuns: 40 },
    );
  });

  test.each([4096, 6000, 65_536])(
    'of at most %i pixels give the picture within one level, seams included',
    async (maxTilePixels) => {
      const image = randomImage(197, 131);
      const whole = await enlargeWhole(session, image);
      const expected = Float64Array.from(whole, (value) => Math.min(255, Math.max(0, Math.round(value * 255))));
      const result = await upscalers.get(maxTilePixels)!.upscale(image, model);
      expect([result.width, result.height, result.channels]).toEqual([591, 393, 3]);
      expect(largestDifference(result.data, expected)).toBeLessThanOrEqual(1);
      // One level only where a float lies at a rounding boundary: a seam would show in many pixels.
      const different = result.data.reduce((count, value, i) => count + (value === expected[i] ? 0 : 1), 0);
      expect(different).toBeLessThan(result.data.length / 10_000);
    },
  );

  test('a network that is cut with too small a halo is caught by this comparison', async () => {
    const image = randomImage(90, 90);
    const tiled = await enlargeInTiles(session, image, { ...model, halo: 3 }, 1000);
    expect(largestDifference(tiled, await enlargeWhole(session, image))).toBeGreaterThan(1e-3);
  });

  test('pictures upscaled at the same time do not mix', async () => {
    const images = [randomImage(64, 48, 1), randomImage(31, 77, 2), randomImage(120, 9, 3), randomImage(64, 48, 4)];
    const upscaler = upscalers.get(4096)!;
    const results = await Promise.all(images.map((image) => upscaler.upscale(image, model)));
    for (const [i, image] of images.entries()) {
      const whole = await enlargeWhole(session, image);
      const expected = Float64Array.from(whole, (value) => Math.min(255, Math.max(0, Math.round(value * 255))));
      expect(largestDifference(results[i]!.data, expected)).toBeLessThanOrEqual(1);
    }
  });
});

describe('tiles of the shipped edge-x4', () => {
  let edge: OnnxServedModel;
  let session: InferenceSession;

  beforeAll(async () => {
    edge = compileServedModel(await loadModel(join(PACKAGE_ROOT, 'models', 'edge-x4'))) as OnnxServedModel;
    session = await InferenceSession.create(edge.onnx);
  });

  afterAll(() => session.release());

  test('equal the whole picture within 1e-5 before rounding, on odd sizes', async () => {
    const sizes = fc.record({ width: fc.integer({ min: 1, max: 75 }), height: fc.integer({ min: 1, max: 75 }) });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 2100, max: 4000 }), async ({ width, height }, maxTilePixels) => {
        const image = randomImage(width, height);
        const tiled = await enlargeInTiles(session, image, edge, maxTilePixels);
        expect(largestDifference(tiled, await enlargeWhole(session, image))).toBeLessThan(1e-5);
      }),
      { numRuns: 8, examples: [[{ width: 75, height: 73 }, 2100]] },
    );
  });

  test('give the picture within one level after rounding', async () => {
    const image = randomImage(131, 67);
    const upscaler = await createUpscaler({ provider: 'cpu', workers: 2, maxTilePixels: 4096 });
    const result = await upscaler.upscale(image, edge);
    await upscaler.close();
    const whole = await enlargeWhole(session, image);
    const expected = Float64Array.from(whole, (value) => Math.min(255, Math.max(0, Math.round(value * 255))));
    expect(largestDifference(result.data, expected)).toBeLessThanOrEqual(1);
  });
});

describe('createUpscaler', () => {
  test('refuses a result above the limit before any work', async () => {
    const upscaler = await createUpscaler({ provider: 'cpu', workers: 1, maxOutputPixels: 9 * 100 });
    await expect(upscaler.upscale(randomImage(10, 11), model)).rejects.toMatchObject({
      code: 'DS_OUTPUT_TOO_LARGE',
      status: 413,
    });
    await expect(upscaler.upscale(randomImage(10, 10), model)).resolves.toMatchObject({ width: 30, height: 30 });
    await upscaler.close();
  });

  test('refuses a picture that is not RGB', async () => {
    const upscaler = await createUpscaler({ provider: 'cpu', workers: 1 });
    const gray = { width: 4, height: 4, channels: 1, data: new Uint8Array(16) };
    await expect(upscaler.upscale(gray, model)).rejects.toMatchObject({ code: 'DS_ENGINE' });
    await upscaler.close();
  });

  test.each([
    { maxTilePixels: 4095 },
    { maxOutputPixels: 0 },
    { maxWholePixels: 1.5 },
    { workers: 0 },
    { threadsPerWorker: 1025 },
  ])('names the bad option in %j', async (options) => {
    const [name] = Object.keys(options);
    await expect(createUpscaler({ provider: 'cpu', ...options })).rejects.toThrow(
      `expected \`${name}\` to be an integer`,
    );
  });
});
