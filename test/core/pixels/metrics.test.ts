import { describe, expect, test } from 'vitest';
import { lumaPlane } from '../../../src/core/pixels/color.ts';
import { crop, cropToMultiple } from '../../../src/core/pixels/crop.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { psnrDb } from '../../../src/core/pixels/psnr.ts';
import { ssim } from '../../../src/core/pixels/ssim.ts';

function rgb(width: number, height: number, value: (x: number, y: number, c: number) => number): PixelImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3);
    data[i] = value(pixel % width, Math.floor(pixel / width), i % 3);
  }
  return { width, height, channels: 3, data };
}

const texture = (x: number, y: number, c: number): number => 60 + ((x * 53 + y * 97 + c * 31 + x * y * 7) % 130);

describe('luma', () => {
  test.each([
    ['black', [0, 0, 0], 16],
    ['white', [255, 255, 255], 235],
    ['red', [255, 0, 0], 81.481],
    ['green', [0, 255, 0], 144.553],
    ['blue', [0, 0, 255], 40.966],
  ])('of %s is that of BT.601 in the studio range', (_, color, luma) => {
    expect(lumaPlane(rgb(1, 1, (_x, _y, c) => color[c])).data[0]).toBeCloseTo(luma, 9);
  });

  test('a gray image has the luma of RGB with equal channels', () => {
    const data = Uint8Array.from([0, 7, 128, 255]);
    const gray = lumaPlane({ width: 4, height: 1, channels: 1, data });
    const equal = lumaPlane(rgb(4, 1, (x) => data[x]));
    for (let i = 0; i < 4; i++) expect(gray.data[i]).toBeCloseTo(equal.data[i], 9);
  });
});

describe('psnrDb', () => {
  test('of equal images is infinite', () => {
    const image = rgb(8, 8, texture);
    expect(psnrDb(image, { ...image, data: image.data.slice() })).toBe(Number.POSITIVE_INFINITY);
  });

  test('of a uniform error of 10 in RGB is 20 log10(255 / 10)', () => {
    const image = rgb(9, 5, texture);
    const off = rgb(9, 5, (x, y, c) => texture(x, y, c) + 10);
    expect(psnrDb(off, image, { space: 'rgb' })).toBeCloseTo(28.1308, 4);
    // On Y the same error is 10 * 219 / 255.
    expect(psnrDb(off, image)).toBeCloseTo(20 * Math.log10(255 / ((10 * 219) / 255)), 9);
  });

  test('of one wrong channel sample counts one third of a pixel', () => {
    const black = rgb(10, 10, () => 0);
    const spot = rgb(10, 10, (x, y, c) => (x === 4 && y === 4 && c === 1 ? 255 : 0));
    expect(psnrDb(spot, black, { space: 'rgb' })).toBeCloseTo(10 * Math.log10(300), 9);
  });

  test('leaves out the border', () => {
    const clean = rgb(12, 12, texture);
    const frame = rgb(12, 12, (x, y, c) => (x < 2 || y < 2 || x > 9 || y > 9 ? 0 : texture(x, y, c)));
    expect(psnrDb(frame, clean, { border: 2 })).toBe(Number.POSITIVE_INFINITY);
    expect(psnrDb(frame, clean, { border: 1 })).toBeLessThan(30);
  });

  test('refuses images of different sizes and borders that leave nothing', () => {
    expect(() => psnrDb(rgb(4, 4, texture), rgb(4, 5, texture))).toThrow(
      expect.objectContaining({ code: 'DS_BAD_DATA' }),
    );
    const image = rgb(8, 8, texture);
    expect(() => psnrDb(image, image, { border: 4 })).toThrow(expect.objectContaining({ code: 'DS_BAD_OPTION' }));
  });
});

describe('ssim', () => {
  test('of equal images is 1', () => {
    const image = rgb(20, 15, texture);
    expect(ssim(image, image)).toBeCloseTo(1, 12);
  });

  test('of two flat images is the luminance term alone', () => {
    const [a, b] = [100, 140].map((value) => 16 + (219 * value) / 255);
    const c1 = (0.01 * 255) ** 2;
    const expected = (2 * a * b + c1) / (a * a + b * b + c1);
    expect(
      ssim(
        rgb(16, 16, () => 100),
        rgb(16, 16, () => 140),
      ),
    ).toBeCloseTo(expected, 9);
  });

  test('of one window equals the formula on directly weighted moments', () => {
    const hr = rgb(11, 11, texture);
    const sr = rgb(11, 11, (x, y, c) => Math.min(255, texture(x, y, c) * 0.8 + (x % 3) * 9));
    expect(ssim(sr, hr)).toBeCloseTo(oneWindow(lumaPlane(sr).data, lumaPlane(hr).data), 10);
  });

  test('of an inverted texture is negative', () => {
    expect(
      ssim(
        rgb(24, 24, texture),
        rgb(24, 24, (x, y, c) => 250 - texture(x, y, c)),
      ),
    ).toBeLessThan(0);
  });

  test('refuses an image smaller than its window', () => {
    const image = rgb(14, 14, texture);
    expect(() => ssim(image, image, { border: 2 })).toThrow(expect.objectContaining({ code: 'DS_BAD_OPTION' }));
  });
});

/** SSIM of a single 11x11 window with a two-dimensional Gaussian and centred moments. */
function oneWindow(sr: Float64Array, hr: Float64Array): number {
  const weights = sr.map((_, i) => Math.exp(-(((i % 11) - 5) ** 2 + (Math.floor(i / 11) - 5) ** 2) / 4.5));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (f: (i: number) => number): number => weights.reduce((sum, weight, i) => sum + weight * f(i), 0) / total;
  const [a, b] = [mean((i) => sr[i]), mean((i) => hr[i])];
  const varianceA = mean((i) => (sr[i] - a) ** 2);
  const varianceB = mean((i) => (hr[i] - b) ** 2);
  const covariance = mean((i) => (sr[i] - a) * (hr[i] - b));
  return (
    ((2 * a * b + 6.5025) * (2 * covariance + 58.5225)) / ((a * a + b * b + 6.5025) * (varianceA + varianceB + 58.5225))
  );
}

describe('crop', () => {
  test('copies the rectangle', () => {
    const image = rgb(6, 5, (x, y, c) => x * 30 + y * 5 + c);
    const { data } = crop(image, { x: 2, y: 1, width: 2, height: 2 });
    expect([...data]).toEqual([65, 66, 67, 95, 96, 97, 70, 71, 72, 100, 101, 102]);
  });

  test('to a multiple cuts right and bottom', () => {
    const { width, height } = cropToMultiple(rgb(11, 8, texture), 4);
    expect([width, height]).toEqual([8, 8]);
  });

  test.each([
    { x: 3, y: 0, width: 4, height: 1 },
    { x: -1, y: 0, width: 1, height: 1 },
    { x: 0, y: 0, width: 0, height: 1 },
  ])('refuses %j outside the image', (rectangle) => {
    expect(() => crop(rgb(6, 5, texture), rectangle)).toThrow(expect.objectContaining({ code: 'DS_BAD_OPTION' }));
  });
});
