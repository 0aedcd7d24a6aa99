import { describe, expect, test } from 'vitest';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { imresize } from '../../../src/core/pixels/imresize.ts';
import { createRandom } from '../../../src/core/random.ts';
import { createBatchFiller } from '../../../src/trainer/train/data/batch-filler.ts';
import { copyPatch, createPatchSampler } from '../../../src/trainer/train/data/batches.ts';
import { generatedPhoto } from '../../helpers/generated-photos.ts';

function gray(rows: readonly (readonly number[])[]): PixelImage {
  const data = Uint8Array.from(rows.flat().flatMap((value) => [value, value, value]));
  return { width: rows[0].length, height: rows.length, channels: 3, data };
}

function patch(image: PixelImage, x: number, y: number, size: number, symmetry: number): number[][] {
  const target = new Float32Array(size * size * 3);
  copyPatch(image, x, y, size, symmetry, target, 0);
  const rows = Array.from({ length: size }, (_, row) => row);
  return rows.map((row) => rows.map((column) => Math.round(target[(row * size + column) * 3] * 255)));
}

describe('copyPatch', () => {
  // Written down by hand, in the order mirror x, mirror y, transpose as bits 0, 1, 2.
  const symmetries: readonly (readonly number[])[][] = [
    [
      [1, 2],
      [3, 4],
    ],
    [
      [2, 1],
      [4, 3],
    ],
    [
      [3, 4],
      [1, 2],
    ],
    [
      [4, 3],
      [2, 1],
    ],
    [
      [1, 3],
      [2, 4],
    ],
    [
      [2, 4],
      [1, 3],
    ],
    [
      [3, 1],
      [4, 2],
    ],
    [
      [4, 2],
      [3, 1],
    ],
  ];

  test.each(symmetries.map((expected, symmetry) => ({ symmetry, expected })))(
    'turns a square by symmetry $symmetry',
    ({ symmetry, expected }) => {
      expect(
        patch(
          gray([
            [1, 2],
            [3, 4],
          ]),
          0,
          0,
          2,
          symmetry,
        ),
      ).toEqual(expected);
    },
  );

  test('gives eight different squares', () => {
    const square = gray([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);
    const seen = new Set(Array.from({ length: 8 }, (_, symmetry) => patch(square, 0, 0, 3, symmetry).join()));
    expect(seen.size).toBe(8);
  });

  test('takes the square at x, y, and each channel', () => {
    const image = { width: 3, height: 2, channels: 3, data: Uint8Array.from({ length: 18 }, (_, i) => i * 10) };
    const target = new Float32Array(5);
    copyPatch(image, 1, 1, 1, 0, target, 1);
    expect([...target].map((value) => Math.round(value * 255))).toEqual([0, 120, 130, 140, 0]);
  });
});

describe('fillBatch', () => {
  test.each([2, 3, 4])('keeps LR and HR patches aligned at x%i in every symmetry', (scale) => {
    const hrImage = generatedPhoto(48 * scale, 40 * scale, 3);
    const lrImage = imresize(hrImage, { scale: 1 / scale });
    const pyramid = new Map([
      [1, lrImage],
      [scale, hrImage],
    ]);
    const [batchSize, lrPatchSize] = [24, 14];
    const images = new Map(
      [1, scale].map((level) => [level, new Float32Array(batchSize * (lrPatchSize * level) ** 2 * 3)]),
    );
    createBatchFiller({ train: [pyramid] }, { batchSize, lrPatchSize }, { images })(createRandom(5));
    const toImage = (level: number, i: number): PixelImage => {
      const side = lrPatchSize * level;
      const values = (images.get(level) as Float32Array).subarray(i * side * side * 3, (i + 1) * side * side * 3);
      return {
        width: side,
        height: side,
        channels: 3,
        data: Uint8Array.from(values, (value) => Math.round(value * 255)),
      };
    };
    let largest = 0;
    for (let i = 0; i < batchSize; i++) {
      const reduced = imresize(toImage(scale, i), { scale: 1 / scale });
      const lrPatch = toImage(1, i);
      // The patch's border is reduced without its neighbours, so only the interior is the same.
      for (let y = 3; y < lrPatchSize - 3; y++)
        for (let x = 3; x < lrPatchSize - 3; x++) {
          const at = (y * lrPatchSize + x) * 3;
          largest = Math.max(largest, Math.abs(reduced.data[at] - lrPatch.data[at]));
        }
    }
    // Rounded between the passes, whose order a transposition exchanges.
    expect(largest).toBeLessThanOrEqual(1);
  });
});

describe('createPatchSampler', () => {
  const place = (pyramid: PixelImage) => new Map([[1, pyramid]]);

  test('takes every place equally often with one candidate', () => {
    const [wide, narrow] = [gray(Array(20).fill(Array(40).fill(7))), gray(Array(20).fill(Array(20).fill(7)))];
    const sample = createPatchSampler([place(wide), place(narrow)], { batchSize: 1, lrPatchSize: 11, candidates: 1 });
    const random = createRandom(1);
    const columns = new Array<number>(30).fill(0);
    let fromWide = 0;
    for (let i = 0; i < 9000; i++) {
      const { pyramid, x, y } = sample(random);
      if (pyramid.get(1) !== wide) continue;
      fromWide += 1;
      columns[x] += 1;
      expect(y).toBeLessThanOrEqual(9);
    }
    // 800 of 1200 pixels: 6000 +- 45 (one standard deviation); then 200 +- 14 for each of the 30 columns.
    expect(Math.abs(fromWide - 6000)).toBeLessThan(225);
    for (const count of columns) expect(Math.abs(count - 200)).toBeLessThan(75);
  });

  test('prefers detail with several candidates', () => {
    // Smooth on the left, alternating on the right; a patch at x <= 24 sees nothing but smoothness.
    const row = Array.from({ length: 64 }, (_, x) => (x < 32 ? 100 : (x % 2) * 200));
    const image = gray(Array(16).fill(row));
    const share = (candidates: number) => {
      const sample = createPatchSampler([place(image)], { batchSize: 1, lrPatchSize: 8, candidates });
      const random = createRandom(2);
      let smooth = 0;
      for (let i = 0; i < 4000; i++) smooth += sample(random).x <= 24 ? 1 : 0;
      return smooth / 4000;
    };
    // 25 of 57 columns; all of three candidates must be smooth for a smooth one to be taken.
    expect(share(1)).toBeCloseTo(25 / 57, 1);
    expect(Math.abs(share(3) - (25 / 57) ** 3)).toBeLessThan(0.03);
  });
});
