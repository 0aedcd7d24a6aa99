import { describe, expect, test } from 'vitest';
import { contributions } from '../../../src/core/pixels/contributions.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { imresize } from '../../../src/core/pixels/imresize.ts';

function gray(width: number, height: number, value: (x: number, y: number) => number): PixelImage {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data[y * width + x] = value(x, y);
  return { width, height, channels: 1, data };
}

const row = (...values: number[]): PixelImage => gray(values.length, 1, (x) => values[x]);
const at = (image: PixelImage, x: number, y: number): number => image.data[y * image.width + x];

describe('bicubic weights, worked out by hand from a = -0.5', () => {
  test('doubling puts output samples a quarter pixel beside the input', () => {
    // distances 1.75, 0.75, 0.25, 1.25 -> -3/128, 29/128, 111/128, -9/128: an impulse of 128 shows the numerators.
    // Output 2i lies at i - 0.25 and output 2i + 1 at i + 0.25; the impulse is at i = 3.
    const { data } = imresize(row(100, 100, 100, 228, 100, 100, 100), { width: 14, height: 1 });
    expect([...data]).toEqual([100, 100, 100, 97, 91, 129, 211, 211, 129, 91, 97, 100, 100, 100]);
  });

  test('halving uses eight inputs and rounds halves up', () => {
    // [-3, -9, 29, 111, 111, 29, -9, -3] / 256; an impulse of 128 gives -1.5, -4.5, 14.5, 55.5 over 50.
    const line = gray(16, 1, (x) => (x === 8 ? 178 : 50));
    expect([...imresize(line, { scale: 0.5 }).data]).toEqual([50, 50, 49, 65, 106, 46, 50, 50]);
  });

  test('halving without antialias looks at four inputs only', () => {
    const line = gray(16, 1, (x) => (x === 8 ? 178 : 50));
    // distances 0.5 and 1.5 -> 9/16 and -1/16 of 128 = 72 and -8
    expect([...imresize(line, { scale: 0.5 }, { antialias: false }).data]).toEqual([50, 50, 50, 42, 122, 50, 50, 50]);
  });

  test('the border is mirrored with the edge sample repeated', () => {
    // Left edge of [200, 40, 40, 40]: the first output sees 200 at distances 0.25 and 0.75 (111 + 29 of 128) and 40 twice (-9 - 3).
    const { data } = imresize(row(200, 40, 40, 40), { scale: 2 });
    expect(data[0]).toBe(Math.floor((200 * (111 + 29) - 40 * (9 + 3)) / 128 + 0.5));
  });
});

test('the image is rounded after the height pass, and height comes first', () => {
  // Weights 29/256 down and 111/256 across of an impulse of 111: 50 + 12.57 -> 63, 50 + 13 * 111/256 = 55.64 -> 56.
  // The other way round: 50 + 48.13 -> 98, 50 + 48 * 29/256 = 55.44 -> 55. Unrounded both are 55.45.
  const image = gray(16, 16, (x, y) => (x === 8 && y === 8 ? 161 : 50));
  const rounded = imresize(image, { scale: 0.5 });
  expect([at(rounded, 4, 3), at(rounded, 3, 4)]).toEqual([56, 55]);
  const unrounded = imresize(image, { scale: 0.5 }, { roundBetweenPasses: false });
  expect([at(unrounded, 4, 3), at(unrounded, 3, 4)]).toEqual([55, 55]);
});

test.each(['bicubic', 'lanczos3'] as const)('%s keeps a constant image constant at any scale', (kernel) => {
  for (const value of [0, 1, 128, 255]) {
    for (const target of [{ scale: 4 }, { scale: 1 / 3 }, { scale: 0.7 }, { width: 5, height: 29 }]) {
      const { data } = imresize(
        gray(13, 9, () => value),
        target,
        { kernel },
      );
      expect(new Set(data)).toEqual(new Set([value]));
    }
  }
});

test('a ramp enlarged four times is a ramp with a quarter of the slope', () => {
  const { data } = imresize(row(...Array.from({ length: 16 }, (_, i) => i * 16)), { scale: 4 });
  for (let x = 12; x < 52; x++) expect(data[x]).toBe(Math.floor(((x + 0.5) / 4 - 0.5) * 16 + 0.5));
});

test('a checkerboard overshoot is clamped to 0..255', () => {
  const { data } = imresize(
    gray(8, 8, (x) => (x < 4 ? 0 : 255)),
    { scale: 3 },
  );
  expect(Math.min(...data)).toBe(0);
  expect(Math.max(...data)).toBe(255);
  expect(data[0]).toBe(0);
  expect(data[23]).toBe(255);
});

test('channels do not mix', () => {
  const planes = [0, 1, 2].map((c) => gray(12, 7, (x, y) => (x * 37 + y * 91 + c * 50) % 256));
  const interleaved = new Uint8Array(12 * 7 * 3).map((_, i) => planes[i % 3].data[Math.floor(i / 3)]);
  const { data } = imresize({ width: 12, height: 7, channels: 3, data: interleaved }, { scale: 2.5 });
  const alone = planes.map((plane) => imresize(plane, { scale: 2.5 }).data);
  expect(data).toEqual(new Uint8Array(data.length).map((_, i) => alone[i % 3][Math.floor(i / 3)]));
});

test('the output size is rounded up, without an extra pixel for multiples of three', () => {
  const size = (width: number, scale: number) =>
    imresize(
      gray(width, 1, () => 0),
      { scale },
    ).width;
  expect([size(481, 0.25), size(480, 0.25), size(7, 1.5)]).toEqual([121, 120, 11]);
  for (let third = 1; third < 700; third++) expect(size(third * 3, 1 / 3)).toBe(third);
});

test('lanczos3 weights are symmetric, sum to one and differ from bicubic', () => {
  const { weights, tapCount } = contributions(32, 64, 2, 'lanczos3', true);
  const middle = weights.subarray(30 * tapCount, 31 * tapCount);
  const next = weights.subarray(31 * tapCount, 32 * tapCount);
  expect(middle.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
  const used = (list: Float64Array) => [...list].filter((weight) => Math.abs(weight) > 1e-9);
  expect(used(middle)).toHaveLength(6);
  const mirrored = used(next).reverse();
  for (const [i, weight] of used(middle).entries()) expect(weight).toBeCloseTo(mirrored[i], 12);
  // sinc(0.25) * sinc(0.25 / 3) before normalisation
  expect(Math.max(...middle)).toBeCloseTo(0.9003163 * 0.9886161, 2);
});

test.each([
  ['scale', { scale: 0 }],
  ['scale', { scale: Number.NaN }],
  ['width', { width: 0, height: 4 }],
  ['height', { width: 4, height: 1.5 }],
  ['target', { scale: 1e6 }],
])('a bad `%s` (%j) is refused by name', (name, target) => {
  expect(() =>
    imresize(
      gray(4, 4, () => 0),
      target,
    ),
  ).toThrow(expect.objectContaining({ code: 'DS_BAD_OPTION', message: expect.stringContaining(`\`${name}\``) }));
});

test('samples that do not fill the image are refused', () => {
  const short = { width: 4, height: 4, channels: 3, data: new Uint8Array(47) };
  expect(() => imresize(short, { scale: 2 })).toThrow(expect.objectContaining({ code: 'DS_BAD_DATA' }));
});
