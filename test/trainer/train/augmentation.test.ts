import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeRgb } from '../../../src/core/codec/decode.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { createRandom } from '../../../src/core/random.ts';
import {
  type Augmentation,
  checkAugmentation,
  describeAugmentation,
} from '../../../src/trainer/train/data/augmentation.ts';
import { createBatchFiller } from '../../../src/trainer/train/data/batch-filler.ts';
import { loadDataset, summarise } from '../../../src/trainer/train/data/dataset.ts';
import { writeGeneratedPhotos } from '../../helpers/generated-photos.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-augmentation-'));
  // 72x64 and 40x36.
  await writeGeneratedPhotos(folder, 6);
  await writeGeneratedPhotos(folder, 2, { first: 6, width: 40, height: 36 });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const load = (augmentation?: Augmentation, validationShare = 0) =>
  loadDataset({ folders: [folder], levels: [1, 2], minLrSide: 10, decode: decodeRgb, validationShare, augmentation });

describe('copies', () => {
  test('are added at their sizes where a patch fits in, and counted apart', async () => {
    const data = await load({ copies: [0.75, 0.5] });
    const sizes = data.train.map((pyramid) => (pyramid.get(2) as PixelImage).width);
    expect(sizes.filter((width) => width === 72)).toHaveLength(6);
    expect(sizes.filter((width) => width === 54)).toHaveLength(6);
    expect(sizes.filter((width) => width === 36)).toHaveLength(6);
    // Of 40x36 half is 18 high: a patch needs 20.
    expect(sizes.filter((width) => width === 30)).toHaveLength(2);
    expect(sizes).toHaveLength(22);
    expect(summarise(data)).toMatchObject({ trainImages: 8, copies: 14 });
    expect(summarise(await load()).copies).toBeUndefined();
  });

  test('are never made of what is held out', async () => {
    const [plain, more] = [await load(undefined, 0.4), await load({ copies: [0.75] }, 0.4)];
    expect(plain.validation.length).toBeGreaterThan(0);
    expect(more.validation).toEqual(plain.validation);
    expect(more.train).toHaveLength(2 * plain.train.length);
  });
});

describe('shuffled channels', () => {
  /** One colour everywhere, so that a patch says which order it has. */
  const colour = (side: number): PixelImage => ({
    width: side,
    height: side,
    channels: 3,
    data: new Uint8Array(side * side * 3).map((_, i) => [10, 20, 30][i % 3]),
  });
  const pyramid = new Map([
    [1, colour(8)],
    [2, colour(16)],
  ]);
  const orders = (channelShuffle: number): string[] => {
    const options = { batchSize: 600, lrPatchSize: 4, augmentation: { channelShuffle } };
    const images = new Map([1, 2].map((level) => [level, new Float32Array(600 * (4 * level) ** 2 * 3)]));
    createBatchFiller({ train: [pyramid] }, options, { images })(createRandom(3, 0));
    const [small, large] = [images.get(1), images.get(2)] as [Float32Array, Float32Array];
    const name = (image: Float32Array, size: number, i: number) =>
      Array.from(image.subarray(i * size * size * 3, i * size * size * 3 + 3), (v) => Math.round(v * 25.5)).join('');
    return Array.from({ length: 600 }, (_, i) => {
      expect(name(large, 8, i)).toBe(name(small, 4, i));
      return name(small, 4, i);
    });
  };

  test('come in all six orders, for their share of the patches, the same at both sizes', () => {
    const drawn = orders(0.6);
    const count = (order: string) => drawn.filter((other) => other === order).length;
    expect([...new Set(drawn)].sort()).toEqual(['123', '132', '213', '231', '312', '321']);
    // 0.4 as they are, and a sixth of the rest.
    expect(count('123')).toBeGreaterThan(250);
    expect(count('123')).toBeLessThan(350);
    expect(count('321')).toBeGreaterThan(35);
  });

  test('of nothing leave the random numbers alone', () => {
    const fill = (augmentation?: Augmentation) => {
      const options = { batchSize: 8, lrPatchSize: 4, augmentation };
      const random = createRandom(4, 0);
      createBatchFiller({ train: [pyramid] }, options, { images: new Map([[1, new Float32Array(8 * 48)]]) })(random);
      return random();
    };
    expect(fill({ channelShuffle: 0 })).toBe(fill());
  });
});

test('what it refuses and how it is described', () => {
  const refusal = (augmentation: Augmentation, isDegraded = false) => {
    try {
      return checkAugmentation(augmentation, isDegraded);
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(refusal({ channelShuffle: 1.5 })).toContain('`recipe.augmentation.channelShuffle`');
  expect(refusal({ channelShuffle: 0.5 }, true)).toContain('degradation');
  expect(refusal({ copies: [0.5, 1] })).toContain('`recipe.augmentation.copies`');
  expect(refusal({ channelShuffle: 1, copies: [0.5] })).toBeUndefined();
  expect(describeAugmentation({ channelShuffle: 0.5, copies: [0.8, 0.6] })).toBe(
    'the channels of 0.5 of the patches change places; every photograph also at 0.8, 0.6 of its size',
  );
});
