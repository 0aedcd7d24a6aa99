import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encode } from '../../../src/core/codec/encode.ts';
import { evaluate, type ImageScore } from '../../../src/core/measure/evaluate.ts';
import { baseline } from '../../../src/core/measure/quality.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { imresize } from '../../../src/core/pixels/imresize.ts';

function picture(width: number, height: number): PixelImage {
  const data = new Uint8Array(width * height * 3).map((_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return 120 + 60 * Math.sin(x / 3 + (i % 3)) + 40 * Math.cos(y / 4);
  });
  return { width, height, channels: 3, data };
}

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'dualscale-eval-'));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true });
});

async function write(path: string, image: PixelImage): Promise<void> {
  const full = join(dataDir, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, await encode(image, undefined, { format: 'png' }));
}

const badData = (text: string) =>
  expect.objectContaining({ code: 'DS_BAD_DATA', message: expect.stringContaining(text) });

describe('evaluate', () => {
  test('of an enlarger that knows the answer is perfect', async () => {
    await write('HR/a.png', picture(40, 32));
    const { psnrDb, ssim, images } = await evaluate({ dataDir, scale: 4, enlarge: async () => picture(40, 32) });
    expect(psnrDb).toBe(Number.POSITIVE_INFINITY);
    expect(ssim).toBeCloseTo(1, 9);
    expect(images).toEqual([{ name: 'a', width: 40, height: 32, lrSource: 'imresize', psnrDb, ssim }]);
  });

  test('averages over images and leaves out what a border of one scale hides', async () => {
    await write('HR/a.png', picture(40, 32));
    await write('HR/b.png', picture(64, 44));
    const off = (image: PixelImage, by: number): PixelImage => ({
      ...image,
      data: image.data.map((value) => value + by),
    });
    const spoiled = (image: PixelImage): PixelImage => {
      const data = image.data.slice();
      data.fill(0, 0, image.width * 4 * 3);
      return { ...image, data };
    };
    // An error of 5 and of 10 in every channel: 20 log10(255 / (error * 219 / 255)).
    const enlarge = async (lrImage: PixelImage) =>
      lrImage.width === 10 ? spoiled(off(picture(40, 32), 5)) : spoiled(off(picture(64, 44), 10));
    const { psnrDb, images } = await evaluate({ dataDir, scale: 4, enlarge });
    const expected = [5, 10].map((error) => 20 * Math.log10(255 / ((error * 219) / 255)));
    expect(images.map((image) => image.name)).toEqual(['a', 'b']);
    for (const i of [0, 1]) expect(images[i].psnrDb).toBeCloseTo(expected[i], 6);
    expect(psnrDb).toBeCloseTo((expected[0] + expected[1]) / 2, 6);
  });

  test('makes the LR image from the HR image cut to a multiple of the scale', async () => {
    await write('HR/odd.png', picture(43, 35));
    const seen: PixelImage[] = [];
    const { images } = await evaluate({
      dataDir,
      scale: 4,
      enlarge: async (lrImage) => {
        seen.push(lrImage);
        return baseline('bicubic', 4)(lrImage);
      },
    });
    expect(images[0]).toMatchObject({ width: 40, height: 32, lrSource: 'imresize' });
    const cut = { ...picture(40, 32), data: Uint8Array.from(rows(picture(43, 35), 40, 32)) };
    expect(seen[0]).toEqual(imresize(cut, { scale: 0.25 }));
  });

  test.each(['LR_bicubic/X2/ax2.png', 'LR_bicubic/X2/a.png'])('takes the LR image from %s', async (path) => {
    await write('HR/a.png', picture(41, 33));
    const marked = { ...picture(20, 16), data: new Uint8Array(20 * 16 * 3).fill(99) };
    await write(path, marked);
    const scores: [ImageScore, number, number][] = [];
    await evaluate({
      dataDir,
      scale: 2,
      enlarge: async (lrImage) => {
        expect(lrImage).toEqual(marked);
        return picture(40, 32);
      },
      onImage: (...call) => scores.push(call),
    });
    expect(scores).toEqual([[expect.objectContaining({ name: 'a', lrSource: 'file', width: 40 }), 1, 1]]);
  });

  test('says which folder or file does not fit', async () => {
    const enlarge = baseline('bicubic', 2);
    await expect(evaluate({ dataDir, scale: 2, enlarge })).rejects.toThrow(badData(join(dataDir, 'HR')));
    await write('HR/a.png', picture(40, 32));
    await write('LR_bicubic/X2/b.png', picture(20, 16));
    await expect(evaluate({ dataDir, scale: 2, enlarge })).rejects.toThrow(badData('expected ax2 or a in'));
    await write('LR_bicubic/X2/a.png', picture(19, 16));
    await expect(evaluate({ dataDir, scale: 2, enlarge })).rejects.toThrow(badData('19x16 is not 1/2 of 40x32'));
    await write('HR/a.png', picture(12, 40));
    await expect(evaluate({ dataDir, scale: 2, enlarge })).rejects.toThrow(
      badData('a.png: expected sides of at least'),
    );
  });

  test('refuses an enlarger that answers with a wrong size', async () => {
    await write('HR/a.png', picture(40, 32));
    await expect(evaluate({ dataDir, scale: 4, enlarge: baseline('bicubic', 2) })).rejects.toThrow(
      badData('expected 40x32x3 for x4, got 20x16x3'),
    );
  });

  test.each([1, 2.5, Number.NaN])('refuses scale %d by name', async (scale) => {
    await expect(evaluate({ dataDir, scale, enlarge: baseline('bicubic', 2) })).rejects.toThrow(
      expect.objectContaining({ code: 'DS_BAD_OPTION', message: expect.stringContaining('`scale`') }),
    );
  });
});

function* rows(image: PixelImage, width: number, height: number): Generator<number> {
  for (let y = 0; y < height; y++) yield* image.data.subarray(y * image.width * 3, (y * image.width + width) * 3);
}
