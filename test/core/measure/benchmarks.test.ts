import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRgbFile } from '../../../src/core/codec/decode.ts';
import { evaluate } from '../../../src/core/measure/evaluate.ts';
import { baseline } from '../../../src/core/measure/quality.ts';
import { cropToMultiple } from '../../../src/core/pixels/crop.ts';
import { imresize } from '../../../src/core/pixels/imresize.ts';
import { psnrDb } from '../../../src/core/pixels/psnr.ts';

const data = process.env['DUALSCALE_DATA'] ?? '../shared/data';
const sets = ['Set5', 'Set14'] as const;
const missing = sets.some((set) => !existsSync(join(data, 'test', set)));
const why = missing ? ` (skipped: no Set5 and Set14 under ${data}/test; DUALSCALE_DATA names the folder)` : '';

describe.skipIf(missing)(`against the published benchmarks${why}`, () => {
  test.each(sets.flatMap((set) => [2, 3, 4].map((scale) => [set, scale] as const)))(
    'imresize of %s makes its LR_bicubic X%d files to the last bit',
    async (set, scale) => {
      const folder = join(data, 'test', set);
      const files = await readdir(join(folder, 'HR'));
      expect(files.length).toBe(set === 'Set5' ? 5 : 14);
      for (const file of files) {
        const hrImage = cropToMultiple(await readRgbFile(join(folder, 'HR', file)), scale);
        const lrImage = await readRgbFile(join(folder, 'LR_bicubic', `X${scale}`, `${parse(file).name}x${scale}.png`));
        const made = imresize(hrImage, { scale: 1 / scale });
        expect([made.width, made.height]).toEqual([lrImage.width, lrImage.height]);
        let differing = 0;
        for (let i = 0; i < made.data.length; i++) if (made.data[i] !== lrImage.data[i]) differing++;
        expect([file, differing]).toEqual([file, 0]);
      }
    },
  );

  // Y-channel figures as computed with independent code (BasicSR's protocol), to the digits given there.
  test.each([
    ['Set5', 2, 33.678, 0.9304],
    ['Set5', 3, 30.404, 0.869],
    ['Set5', 4, 28.43, 0.8113],
    ['Set14', 2, 30.327, 0.87],
    ['Set14', 3, 27.632, 0.7759],
    ['Set14', 4, 26.09, 0.7049],
  ] as const)('bicubic on %s x%d has the known PSNR %d and SSIM %d', async (set, scale, knownPsnrDb, knownSsim) => {
    const result = await evaluate({ dataDir: join(data, 'test', set), scale, enlarge: baseline('bicubic', scale) });
    expect(result.images.every((image) => image.lrSource === 'file')).toBe(true);
    expect(Math.abs(result.psnrDb - knownPsnrDb)).toBeLessThan(0.001);
    expect(Math.abs(result.ssim - knownSsim)).toBeLessThan(0.0001);
  });

  test('RGB PSNR of bicubic on Set5 x4 is the known 26.69 dB', async () => {
    let sum = 0;
    const enlarge = baseline('bicubic', 4);
    for (const file of await readdir(join(data, 'test/Set5/HR'))) {
      const hrImage = cropToMultiple(await readRgbFile(join(data, 'test/Set5/HR', file)), 4);
      sum += psnrDb(await enlarge(imresize(hrImage, { scale: 0.25 })), hrImage, { border: 4, space: 'rgb' });
    }
    expect(sum / 5).toBeCloseTo(26.69, 2);
  });

  test('lanczos3 is between bicubic and half a decibel above it on Set5 x4', async () => {
    const { psnrDb: lanczos } = await evaluate({
      dataDir: join(data, 'test/Set5'),
      scale: 4,
      enlarge: baseline('lanczos3', 4),
    });
    expect(lanczos).toBeGreaterThan(28.43);
    expect(lanczos).toBeLessThan(28.93);
  });
});
