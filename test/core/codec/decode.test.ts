import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { bleedColor } from '../../../src/core/codec/alpha.ts';
import { decode, decodeRgb, readRgbFile } from '../../../src/core/codec/decode.ts';
import { DualscaleError } from '../../../src/core/errors.ts';
import { crop } from '../../../src/core/pixels/crop.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { meanDifference, pixels, smooth, toSharp } from './pictures.ts';

const picture = pixels(40, 24, 3, smooth);
const expectedGray = pixels(16, 10, 3, (x, y) => x * 9 + y * 5);

describe('decode', () => {
  test.each([
    ['png', 0],
    ['jpeg', 1.5],
    ['webp', 2],
    ['avif', 2],
  ] as const)('gives the pixels of a %s', async (format, tolerance) => {
    const { rgb, alpha, header } = await decode(
      await toSharp(picture)
        .toFormat(format, format === 'png' ? {} : { quality: 95 })
        .toBuffer(),
    );
    expect([rgb.width, rgb.height, rgb.channels, header.format, alpha]).toEqual([40, 24, 3, format, undefined]);
    expect(meanDifference(rgb, picture)).toBeLessThanOrEqual(tolerance);
  });

  test('of gray, gray with 16 bits and palette gives RGB', async () => {
    const gray = toSharp(pixels(16, 10, 1, (x, y) => x * 9 + y * 5)).toColourspace('b-w');
    expect((await decode(await gray.clone().png().toBuffer())).rgb).toEqual(expectedGray);
    const wide = await decode(await gray.clone().toColourspace('grey16').png().toBuffer());
    expect(wide.header).toMatchObject({ bitDepth: 16, isGray: true });
    expect(meanDifference(wide.rgb, expectedGray)).toBeLessThanOrEqual(1);
    const fewColors = pixels(16, 10, 3, (x, y, c) => ((x >> 2) * 60 + (y >> 2) * 10 + c * 7) % 256);
    const palette = await decode(await toSharp(fewColors).png({ palette: true, dither: 0 }).toBuffer());
    expect(palette.header.isPalette).toBe(true);
    expect(meanDifference(palette.rgb, fewColors)).toBeLessThanOrEqual(1);
  });

  test('of 16-bit RGB keeps the upper byte', async () => {
    const samples = Uint16Array.from({ length: 16 * 10 * 3 }, (_, i) => (i * 911) % 65536);
    const wide = sharp(samples, { raw: { width: 16, height: 10, channels: 3 } });
    const { rgb, header } = await decode(await wide.toColourspace('rgb16').png().toBuffer());
    expect(header.bitDepth).toBe(16);
    expect([...rgb.data]).toEqual([...samples].map((sample) => sample >> 8));
  });

  test('of a CMYK JPEG gives its colours in RGB', async () => {
    // Muted colours, which inks can show.
    const muted = pixels(40, 24, 3, (x, y, c) => 80 + x * 2 + y + c * 8);
    const bytes = await toSharp(muted).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe('cmyk');
    const { rgb, header } = await decode(bytes);
    expect(header.icc).toBeUndefined();
    expect(meanDifference(rgb, muted)).toBeLessThan(3);
  });

  test('of one pixel gives one pixel', async () => {
    const bytes = await toSharp(pixels(1, 1, 3, (_x, _y, c) => 10 + c))
      .png()
      .toBuffer();
    expect([...(await decode(bytes)).rgb.data]).toEqual([10, 11, 12]);
  });

  test('keeps the pixels of a Display P3 image in its own space', async () => {
    const bytes = await toSharp(picture).withIccProfile('p3').png().toBuffer();
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    const { rgb, header } = await decode(bytes);
    expect(header.icc?.toString('latin1', 16, 20)).toBe('RGB ');
    expect(Buffer.from(rgb.data).equals(stored)).toBe(true);
  });
});

describe('orientation', () => {
  // Where the stored pixel (x, y) of a width x height image is shown, straight from the EXIF standard.
  const shown: Record<number, (x: number, y: number, width: number, height: number) => [number, number]> = {
    1: (x, y) => [x, y],
    2: (x, y, width) => [width - 1 - x, y],
    3: (x, y, width, height) => [width - 1 - x, height - 1 - y],
    4: (x, y, _width, height) => [x, height - 1 - y],
    5: (x, y) => [y, x],
    6: (x, y, _width, height) => [height - 1 - y, x],
    7: (x, y, width, height) => [height - 1 - y, width - 1 - x],
    8: (x, y, width) => [y, width - 1 - x],
  };

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('%d is applied once', async (orientation) => {
    const stored = pixels(6, 4, 3, (x, y, c) => x * 40 + y * 9 + c);
    const bytes = await toSharp(stored).withMetadata({ orientation }).png().toBuffer();
    const { rgb, header } = await decode(bytes);
    expect(header).toMatchObject({ width: rgb.width, height: rgb.height, orientation });
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 6; x++) {
        const [shownX, shownY] = shown[orientation](x, y, 6, 4);
        expect(rgb.data[(shownY * rgb.width + shownX) * 3]).toBe(x * 40 + y * 9);
      }
    }
  });

  test.each(['jpeg', 'webp', 'avif'] as const)('6 is applied once in a %s', async (format) => {
    const bytes = await toSharp(picture).withMetadata({ orientation: 6 }).toFormat(format, { quality: 95 }).toBuffer();
    const { rgb, header } = await decode(bytes);
    expect([rgb.width, rgb.height, header.width, header.height]).toEqual([24, 40, 24, 40]);
    const turned = pixels(24, 40, 3, (x, y, c) => smooth(y, 23 - x, c));
    expect(meanDifference(rgb, turned)).toBeLessThan(2);
  });
});

describe('alpha', () => {
  const half = pixels(16, 8, 4, (x, _y, c) => (c === 3 ? (x < 8 ? 0 : 200) : x < 8 ? 0 : 90 + c * 40));

  test.each(['png', 'webp', 'avif'] as const)(
    'of a %s comes as a plane, and hidden black takes the visible colour',
    async (format) => {
      const options = format === 'png' ? {} : { lossless: true };
      const { rgb, alpha, header } = await decode(await toSharp(half).toFormat(format, options).toBuffer());
      expect(header.hasAlpha).toBe(true);
      expect(alpha).toEqual(pixels(16, 8, 1, (x) => (x < 8 ? 0 : 200)));
      expect(
        meanDifference(
          rgb,
          pixels(16, 8, 3, (_x, _y, c) => 90 + c * 40),
        ),
      ).toBeLessThanOrEqual(1);
    },
  );

  /** Colour and alpha as one picture, bled, and the colour of it. */
  async function bleed(rgb: PixelImage, alpha: PixelImage, reach?: number): Promise<PixelImage> {
    const { width, height } = rgb;
    const picture = pixels(width, height, 4, (x, y, c) => {
      const at = y * width + x;
      return c === 3 ? alpha.data[at] : rgb.data[at * 3 + c];
    });
    await bleedColor({ ...picture, channels: 4 }, reach);
    expect(pixels(width, height, 1, (x, y) => picture.data[(y * width + x) * 4 + 3])).toEqual(alpha);
    return pixels(width, height, 3, (x, y, c) => picture.data[(y * width + x) * 4 + c]);
  }

  test('bleeding takes the nearest visible pixel and leaves visible ones alone', async () => {
    const alpha = pixels(9, 5, 1, (x, y) => (y === 2 && (x === 1 || x === 7) ? 255 : 0));
    const rgb = pixels(9, 5, 3, (x, y, c) => (y === 2 && x === 1 ? 10 + c : y === 2 && x === 7 ? 200 + c : 77));
    const bled = await bleed(rgb, alpha);
    const expected = pixels(9, 5, 3, (x, _y, c) => (x < 4 ? 10 : 200) + c);
    for (let i = 0; i < bled.data.length; i++) {
      if (Math.floor(i / 3) % 9 !== 4) expect(bled.data[i]).toBe(expected.data[i]);
    }
  });

  /** Pixels at random, whose colours name their position. */
  function randomMask(width: number, height: number, share: number) {
    let state = 7;
    const random = (): number => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state / 2147483648;
    };
    const alpha = pixels(width, height, 1, () => (random() < share ? 255 : 0));
    return { alpha, rgb: pixels(width, height, 3, (x, y, c) => [x * 8, y * 11, 50][c]) };
  }

  test('bleeding finds the nearest visible pixel of a random mask', async () => {
    const { rgb, alpha } = randomMask(31, 23, 0.03);
    expect(farthestMiss(await bleed(rgb, alpha), alpha)).toBe(0);
  });

  test('bleeding some rows gives what bleeding all of them gives there, if its reach is around them', async () => {
    const { rgb, alpha } = randomMask(31, 80, 0.01);
    const whole = await bleed(rgb, alpha, 12);
    const rows = { x: 0, y: 20, width: 31, height: 44 };
    const part = await bleed(crop(rgb, rows), crop(alpha, rows), 12);
    const inner = { x: 0, y: 12, width: 31, height: 20 };
    expect(crop(part, inner)).toEqual(crop(whole, { ...inner, y: 32 }));
    // Some pixels are beyond reach, or the test says nothing about it.
    expect(await bleed(rgb, alpha, 80)).not.toEqual(whole);
  });

  test('nothing visible or nothing hidden is left as it is', async () => {
    const rgb = pixels(4, 4, 3, smooth);
    for (const value of [0, 1]) {
      expect(
        await bleed(
          rgb,
          pixels(4, 4, 1, () => value),
        ),
      ).toEqual(rgb);
    }
  });

  /** How many steps farther than the nearest visible pixel the chosen one is, at worst. Colours name their position. */
  function farthestMiss(bled: PixelImage, alpha: PixelImage): number {
    const visible = [...alpha.data.keys()].filter((i) => alpha.data[i] > 0).map((i) => [i % 31, Math.floor(i / 31)]);
    let worst = 0;
    for (let i = 0; i < alpha.data.length; i++) {
      const distance = ([x, y]: number[]): number => Math.abs(x - (i % 31)) + Math.abs(y - Math.floor(i / 31));
      const chosen = [bled.data[i * 3] / 8, bled.data[i * 3 + 1] / 11];
      expect(alpha.data[chosen[1] * 31 + chosen[0]]).toBe(255);
      worst = Math.max(worst, distance(chosen) - Math.min(...visible.map(distance)));
    }
    return worst;
  }
});

describe('damaged bytes', () => {
  test.each(['png', 'jpeg', 'webp', 'avif'] as const)(
    'a truncated %s is a bad image at every length',
    async (format) => {
      const textured = pixels(64, 48, 3, (x, y, c) => (x * 53 + y * 97 + c * 31 + x * y * 7) % 256);
      const bytes = await toSharp(textured).toFormat(format).toBuffer();
      for (const share of [0.1, 0.3, 0.5, 0.7, 0.9, 0.97]) {
        await expect(decode(bytes.subarray(0, Math.floor(bytes.length * share)))).rejects.toThrow(
          expect.objectContaining({ code: 'DS_BAD_IMAGE', publicMessage: 'The image could not be decoded.' }),
        );
      }
    },
  );

  test.each(['png', 'jpeg', 'webp', 'avif'] as const)(
    'flipped bytes in a %s give an image or one of our errors',
    async (format) => {
      const bytes = await toSharp(pixels(33, 21, 4, smooth))
        .toFormat(format)
        .toBuffer();
      for (let i = 0; i < 60; i++) {
        const damaged = Buffer.from(bytes);
        for (let k = 0; k < 3; k++) damaged[(i * 7919 + k * 104729 + 12) % damaged.length] ^= 1 << ((i + k) % 8);
        const outcome = await decode(damaged, { maxInputPixels: 100_000 }).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(DualscaleError);
        else expect(outcome).toHaveProperty('rgb.channels', 3);
      }
    },
  );

  test('garbage behind a good signature is a bad image', async () => {
    const bytes = await toSharp(picture).png().toBuffer();
    await expect(decode(Buffer.concat([bytes.subarray(0, 60), Buffer.alloc(200, 0x5a)]))).rejects.toThrow(
      expect.objectContaining({ code: 'DS_BAD_IMAGE' }),
    );
  });
});

describe('reading for training and measuring', () => {
  test('decodeRgb drops alpha and knows no pixel limit of the server', async () => {
    const large = await sharp({ create: { width: 2100, height: 2100, channels: 4, background: '#20406080' } })
      .png()
      .toBuffer();
    const { width, height, channels, data } = await decodeRgb(large);
    expect([width, height, channels, data[0], data[1], data[2]]).toEqual([2100, 2100, 3, 0x20, 0x40, 0x60]);
  });

  test('readRgbFile names the file that is damaged', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dualscale-'));
    try {
      const path = join(folder, 'broken.png');
      await writeFile(path, 'not a picture');
      await expect(readRgbFile(path)).rejects.toThrow(
        expect.objectContaining({ code: 'DS_UNSUPPORTED_IMAGE', message: expect.stringContaining(path) }),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
