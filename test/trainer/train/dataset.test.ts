import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeRgb } from '../../../src/core/codec/decode.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { imresize } from '../../../src/core/pixels/imresize.ts';
import type { DatasetOptions, ImagePyramid } from '../../../src/trainer/train/data/dataset.ts';
import { isValidation, loadDataset } from '../../../src/trainer/train/data/dataset.ts';
import { generatedPhoto, writeGeneratedPhotos } from '../../helpers/generated-photos.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-dataset-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const load = (options: Partial<DatasetOptions> = {}) =>
  loadDataset({ folders: [folder], levels: [1, 2], minLrSide: 8, decode: decodeRgb, ...options });

const largest = (pyramid: ImagePyramid) => pyramid.get(Math.max(...pyramid.keys())) as PixelImage;
const print = (pyramid: ImagePyramid) => createHash('sha256').update(largest(pyramid).data).digest('hex');

describe('isValidation', () => {
  test('compares the first 32 bits of the hash with the share', () => {
    expect(isValidation('3fffffff00', 0.25)).toBe(true);
    expect(isValidation('4000000000', 0.25)).toBe(false);
    expect(isValidation('0000000000', 0)).toBe(false);
  });
});

describe('loadDataset', () => {
  test('moves no photograph across the split when others are added', async () => {
    await writeGeneratedPhotos(folder, 10);
    const before = await load({ validationShare: 0.4 });
    await writeGeneratedPhotos(join(folder, 'more'), 8, { first: 10 });
    const after = await load({ validationShare: 0.4 });
    expect(before.train.length + before.validation.length).toBe(10);
    expect(after.train.length + after.validation.length).toBe(18);
    expect(before.validation.length).toBeGreaterThan(0);
    const [train, validation] = [after.train.map(print), after.validation.map(print)];
    for (const pyramid of before.train) expect(train).toContain(print(pyramid));
    for (const pyramid of before.validation) expect(validation).toContain(print(pyramid));
    expect(after.digest).not.toBe(before.digest);
  });

  test('names the same photographs by the same digest, wherever they lie', async () => {
    const [first] = await writeGeneratedPhotos(folder, 3);
    const { digest } = await load();
    await mkdir(join(folder, 'a'));
    await copyFile(first, join(folder, 'a', 'again.png'));
    await rm(first);
    expect((await load()).digest).toBe(digest);
  });

  test('uses copies once, and says which files it does not use and why', async () => {
    const [first] = await writeGeneratedPhotos(folder, 2);
    await copyFile(first, join(folder, 'photo-9-copy.png'));
    await writeFile(join(folder, 'broken.jpg'), 'no picture');
    await writeFile(join(folder, 'notes.txt'), 'not looked at');
    await writeGeneratedPhotos(join(folder, 'small'), 1, { first: 5, width: 40, height: 15 });
    const { train, validation, skipped } = await load();
    expect(train.length + validation.length).toBe(2);
    const reasons = Object.fromEntries(skipped.map(({ file, reason }) => [file.slice(folder.length + 1), reason]));
    expect(Object.keys(reasons).sort()).toEqual(['broken.jpg', 'photo-9-copy.png', join('small', 'photo-5.png')]);
    expect(reasons['photo-9-copy.png']).toContain('same bytes');
    expect(reasons[join('small', 'photo-5.png')]).toContain('40x15');
  });

  test('cuts to a multiple of the scale and reduces every level from HR', async () => {
    await writeGeneratedPhotos(folder, 1, { width: 71, height: 66 });
    const { train } = await load({ levels: [1, 2, 4], validationShare: 0 });
    const [pyramid] = train;
    const hrImage = largest(pyramid);
    expect([hrImage.width, hrImage.height]).toEqual([68, 64]);
    const photo = generatedPhoto(71, 66, 0);
    expect([...hrImage.data.subarray(68 * 3, 68 * 3 + 9)]).toEqual([...photo.data.subarray(71 * 3, 71 * 3 + 9)]);
    for (const level of [1, 2]) expect(pyramid.get(level)).toEqual(imresize(hrImage, { scale: level / 4 }));
  });

  test('halves photographs with more pixels than it is told', async () => {
    await writeGeneratedPhotos(folder, 1, { width: 80, height: 60 });
    const { train } = await load({ halveAbovePixels: 4799, validationShare: 0 });
    expect(largest(train[0])).toEqual(imresize(generatedPhoto(80, 60, 0), { scale: 0.5 }));
    const whole = await load({ halveAbovePixels: 4800, validationShare: 0 });
    expect(largest(whole.train[0])).toEqual(generatedPhoto(80, 60, 0));
  });

  test('refuses folders that are missing or hold nothing usable', async () => {
    await expect(load({ folders: [join(folder, 'nowhere')] })).rejects.toMatchObject({ code: 'DS_BAD_DATA' });
    await writeFile(join(folder, 'broken.png'), 'no picture');
    await expect(load()).rejects.toThrow(/16 pixels a side, got 1 files/);
  });
});
