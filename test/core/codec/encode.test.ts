import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { resizeAlpha } from '../../../src/core/codec/alpha.ts';
import { decode } from '../../../src/core/codec/decode.ts';
import { encode } from '../../../src/core/codec/encode.ts';
import { readHeader } from '../../../src/core/codec/header.ts';
import type { PixelImage, Raster } from '../../../src/core/pixels/image.ts';
import { imresize } from '../../../src/core/pixels/imresize.ts';
import { meanDifference, pixels, smooth, toSharp } from './pictures.ts';

const picture = pixels(40, 24, 3, smooth);
const badOption = (name: string) =>
  expect.objectContaining({ code: 'DS_BAD_OPTION', message: expect.stringContaining(`\`${name}\``) });

describe('encode', () => {
  test.each([
    ['png', 0],
    ['jpeg', 2],
    ['webp', 3],
    ['avif', 3],
  ] as const)('and decode of a %s give the pixels back', async (format, tolerance) => {
    const { rgb, header } = await decode(await encode(picture, undefined, { format }));
    expect(header).toMatchObject({ format, orientation: 1, hasAlpha: false });
    expect(header.icc).toBeUndefined();
    expect(meanDifference(rgb, picture)).toBeLessThanOrEqual(tolerance);
  });

  test.each(['png', 'webp', 'avif'] as const)('keeps the alpha of a %s', async (format) => {
    const plane = pixels(40, 24, 1, (x, y) => Math.min(255, x * 6 + y));
    const decoded = await decode(await encode(picture, plane, { format, isLossless: true }));
    expect(decoded.header.hasAlpha).toBe(true);
    if (!decoded.alpha) throw new Error('no alpha plane');
    expect(meanDifference(decoded.alpha, plane)).toBeLessThanOrEqual(format === 'avif' ? 2 : 0);
  });

  test('shows white through where a JPEG cannot be transparent', async () => {
    const plane = pixels(40, 24, 1, (x) => (x < 20 ? 0 : 255));
    const { rgb } = await decode(await encode(picture, plane, { format: 'jpeg' }, { quality: 100 }));
    expect([...rgb.data.subarray(0, 3)].every((value) => value >= 252)).toBe(true);
    const last = rgb.data.length - 3;
    for (let c = 0; c < 3; c++) expect(Math.abs(rgb.data[last + c] - picture.data[last + c])).toBeLessThan(5);
  });

  test('a progressive 4:4:4 JPEG of 300 dpi stays one', async () => {
    const source = await toSharp(picture)
      .withDensity(300)
      .jpeg({ progressive: true, chromaSubsampling: '4:4:4' })
      .toBuffer();
    const { rgb, header } = await decode(source);
    const result = await readHeader(await encode(rgb, undefined, header));
    expect(result).toMatchObject({ isProgressive: true, chromaSubsampling: '4:4:4', densityPpi: 300 });
    const plain = await readHeader(await encode(rgb, undefined, { format: 'jpeg' }));
    expect(plain).toMatchObject({ isProgressive: false, chromaSubsampling: '4:2:0' });
  });

  test.each(['png', 'jpeg'] as const)('a gray %s stays gray although the network answers in colour', async (format) => {
    const gray = pixels(32, 16, 1, (x, y) => x * 5 + y * 3);
    const options = format === 'png' ? {} : { quality: 100 };
    const source = await toSharp(gray).toColourspace('b-w').toFormat(format, options).toBuffer();
    const { rgb, header } = await decode(source);
    const bytes = await encode(rgb, undefined, header);
    expect((await sharp(bytes).metadata()).channels).toBe(1);
    const again = await decode(bytes);
    expect(again.header.isGray).toBe(true);
    expect(meanDifference(again.rgb, rgb)).toBeLessThanOrEqual(1);
  });

  test('gray with alpha stays gray with alpha', async () => {
    const { width, height, data } = pixels(8, 8, 1, (x, y) => x * 8 + y);
    const twoChannels = sharp(data, { raw: { width, height, channels: 1 } })
      .joinChannel(Buffer.alloc(64, 128), { raw: { width, height, channels: 1 } })
      .toColourspace('b-w');
    const { rgb, alpha, header } = await decode(await twoChannels.png().toBuffer());
    expect(header).toMatchObject({ isGray: true, hasAlpha: true });
    const bytes = await encode(rgb, alpha, header);
    expect((await sharp(bytes).metadata()).channels).toBe(2);
    expect((await decode(bytes)).alpha).toEqual(pixels(8, 8, 1, () => 128));
  });

  test('a lossless WebP stays lossless', async () => {
    const bytes = await encode(
      picture,
      undefined,
      await readHeader(await toSharp(picture).webp({ lossless: true }).toBuffer()),
    );
    const { rgb, header } = await decode(bytes);
    expect(header.isLossless).toBe(true);
    expect(rgb).toEqual(picture);
  });

  test('an orientation is not applied a second time', async () => {
    const source = await toSharp(picture).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer();
    const { rgb, header } = await decode(source);
    const bytes = await encode(rgb, undefined, header);
    const metadata = await sharp(bytes).metadata();
    expect([metadata.orientation ?? 1, metadata.width, metadata.height]).toEqual([1, 24, 40]);
    expect(meanDifference((await decode(bytes)).rgb, rgb)).toBeLessThan(2);
  });

  test('a higher quality costs more bytes', async () => {
    const noisy = pixels(64, 64, 3, (x, y, c) => (x * 53 + y * 97 + c * 31 + x * y * 7) % 256);
    for (const format of ['jpeg', 'webp', 'avif'] as const) {
      const [low, high] = [
        await encode(noisy, undefined, { format }, { quality: 20 }),
        await encode(noisy, undefined, { format }, { quality: 95 }),
      ];
      expect(high.length).toBeGreaterThan(low.length * 1.3);
    }
  });

  test('bad options and planes are refused by name', async () => {
    await expect(encode(picture, undefined, { format: 'jpeg' }, { quality: 0 })).rejects.toThrow(badOption('quality'));
    await expect(encode(picture, pixels(39, 24, 1, smooth), { format: 'png' })).rejects.toThrow(badOption('alpha'));
    await expect(encode(pixels(4, 4, 1, smooth), undefined, { format: 'png' })).rejects.toThrow(badOption('rgb'));
    const wide = pixels(16384, 1, 3, () => 0);
    await expect(encode(wide, undefined, { format: 'webp' })).rejects.toThrow(
      expect.objectContaining({ code: 'DS_OUTPUT_TOO_LARGE' }),
    );
  });
});

describe('colour profiles', () => {
  test.each(['png', 'jpeg', 'webp', 'avif'] as const)('a Display P3 %s keeps profile and colours', async (format) => {
    // Saturated enough to lie outside sRGB: a conversion would clip it.
    const vivid = pixels(700, 600, 3, (x, y, c) => (c === 0 ? 250 : 10 + Math.floor((x + y) / 60)));
    const icc = (
      await sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } })
        .withIccProfile('p3')
        .png()
        .toBuffer()
        .then((bytes) => sharp(bytes).metadata())
    ).icc;
    const bytes = await encode(vivid, undefined, { format, icc });
    const { rgb, header } = await decode(bytes);
    expect(icc && header.icc?.equals(icc)).toBe(true);
    expect(meanDifference(rgb, vivid)).toBeLessThanOrEqual(format === 'png' ? 0 : 3);
  });

  test('a profile, alpha and an odd size of one strip go together', async () => {
    const source = await toSharp(pixels(7, 5, 4, smooth))
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const { rgb, alpha, header } = await decode(source);
    const again = await decode(await encode(rgb, alpha, header));
    expect(again.rgb).toEqual(rgb);
    expect(again.alpha).toEqual(alpha);
    expect(again.header.icc).toEqual(header.icc);
  });
});

describe('resizeAlpha', () => {
  /** The alpha plane, enlarged as that of a gray picture whose gray is 7 everywhere. */
  async function enlargePlane(plane: PixelImage, scale: number, wanted = { top: 0, rows: plane.height }) {
    const { width, height } = plane;
    const withGray = new Uint8Array(width * height * 2);
    for (const [i, value] of plane.data.entries()) withGray.set([7, value], i * 2);
    const size = { width: width * scale, height: wanted.rows * scale };
    const output: Raster = { ...size, channels: 2, data: new Uint8Array(size.width * size.height * 2).fill(9) };
    await resizeAlpha({ width, height, channels: 2, data: withGray }, wanted, scale, output);
    expect(output.data.filter((_, i) => i % 2 === 0).every((value) => value === 9)).toBe(true);
    return { ...size, channels: 1, data: Uint8Array.from(output.data.filter((_, i) => i % 2 === 1)) };
  }

  test.each([0, 255, 128])('keeps a flat plane of %d flat', async (value) => {
    expect(
      await enlargePlane(
        pixels(9, 7, 1, () => value),
        4,
      ),
    ).toEqual(pixels(36, 28, 1, () => value));
  });

  const disc = (width: number, height: number) =>
    pixels(width, height, 1, (x, y) => (Math.hypot(x - 30, y - 20) < 17 ? 255 : x > 50 ? (x * y * 7) % 256 : 0));

  test.each([
    [3, 70, 45],
    [4, 64, 33],
    [2, 1, 97],
  ])('of scale %d equals imresize of the whole %dx%d plane', async (scale, width, height) => {
    const plane = disc(width, height);
    expect(await enlargePlane(plane, scale)).toEqual(imresize(plane, { scale }));
  });

  test('of some rows gives those rows of the whole', async () => {
    const plane = disc(70, 45);
    const whole = imresize(plane, { scale: 3 });
    const part = await enlargePlane(plane, 3, { top: 11, rows: 20 });
    expect(part.data).toEqual(whole.data.slice(11 * 3 * 210, 31 * 3 * 210));
  });

  test('does not ring at a hard edge', async () => {
    const { data } = await enlargePlane(
      pixels(48, 4, 1, (x) => (x < 24 ? 0 : 255)),
      4,
    );
    for (let x = 1; x < 192; x++) expect(data[x]).toBeGreaterThanOrEqual(data[x - 1]);
    for (let x = 0; x < 96; x++) expect(data[x] + data[191 - x]).toBe(255);
  });

  test('of 16 bits has more levels than 256', async () => {
    const data = Uint16Array.from({ length: 64 * 2 }, (_, i) => (i % 2 === 0 ? 0 : 20_000 + (i >> 1) * 37));
    const output: Raster = { width: 256, height: 4, channels: 2, data: new Uint16Array(256 * 4 * 2) };
    await resizeAlpha({ width: 64, height: 1, channels: 2, data }, { top: 0, rows: 1 }, 4, output);
    const row = output.data.filter((_, i) => i < 512 && i % 2 === 1);
    // A ramp of 37 a pixel is one of 9.25 a quarter of a pixel; the borders are mirrored.
    for (let x = 16; x < 240; x++) expect(Math.abs(row[x] - (20_000 + ((x + 0.5) / 4 - 0.5) * 37))).toBeLessThan(1);
  });
});
