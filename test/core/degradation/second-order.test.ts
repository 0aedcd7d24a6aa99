import { describe, expect, test } from 'vitest';
import { degradeTwice } from '../../../src/core/degradation/second-order.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { createRandom } from '../../../src/core/random.ts';

function slope(width: number, height: number): PixelImage {
  const data = new Uint8Array(width * height * 3).map(
    (_, i) => 40 + Math.floor(((Math.floor(i / 3) % width) * 170) / width),
  );
  return { width, height, channels: 3, data };
}

describe('degradeTwice', () => {
  test('repeats with its seed and has the size of the reduction', async () => {
    const make = (seed: number) => degradeTwice(slope(130, 98), { scale: 4, random: createRandom(seed) });
    const [first, again, other] = [await make(1), await make(1), await make(2)];
    expect([first.width, first.height]).toEqual([32, 24]);
    expect(again.data).toEqual(first.data);
    expect(other.data).not.toEqual(first.data);
  });

  test('moves no picture: on average over many, a slope stays where it is', async () => {
    const [width, height, scale] = [96, 64, 4];
    let sum = 0;
    const runs = 40;
    for (let seed = 0; seed < runs; seed++) {
      const { data, width: lrWidth } = await degradeTwice(slope(width, height), {
        scale,
        random: createRandom(seed, 5),
      });
      // The middle column's mean, against the slope's value at the middle of the picture.
      let middle = 0;
      for (let y = 0; y < 16; y++) for (const x of [11, 12]) middle += data[(y * lrWidth + x) * 3 + 1] / 32;
      sum += middle / runs;
    }
    // One HR pixel is 1.8 levels; noise of up to 30 leaves 32 x 40 samples about half a level.
    expect(Math.abs(sum - (40 + (47.5 * 170) / 96))).toBeLessThan(1.8);
  });

  test('compresses with the codec it is given, once in each round', async () => {
    const qualities: number[] = [];
    const compressJpeg = (image: PixelImage, quality: number) => {
      qualities.push(quality);
      return image;
    };
    await degradeTwice(slope(64, 64), { scale: 2, random: createRandom(3), compressJpeg });
    expect(qualities).toHaveLength(2);
    for (const quality of qualities) expect(Number.isInteger(quality) && quality >= 30 && quality <= 95).toBe(true);
  });

  test('refuses what would be too small', async () => {
    await expect(degradeTwice(slope(20, 60), { scale: 4, random: createRandom(1) })).rejects.toThrow('`hrImage`');
  });
});
