/** What becomes of pictures as people have them. Networks without weights repeat each pixel, so every answer is known. */
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readHeader } from '../../../src/core/codec/header.ts';
import { compileServedModel } from '../../../src/core/engine/served/served-model.ts';
import type { ServedModel } from '../../../src/core/engine/served/served-types.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import { type EnlargeEncodedOptions, enlargeEncoded } from '../../../src/core/upscale/enlarge-encoded.ts';
import { createUpscaler } from '../../../src/core/upscale/upscale.ts';
import type { Upscaler } from '../../../src/core/upscale/upscaler.ts';
import { repeatPixels } from '../../helpers/nearest-models.ts';
import { meanDifference, pixels, smooth, toSharp } from '../codec/pictures.ts';

const SCALE = 4;

function nearestModel(): ServedModel {
  const spec = { family: 'edge', scale: SCALE, featureCount: 4, innerWidths: [4] } as const;
  const parameters = initialiseParameters(createNetwork(spec), () => 0.5);
  return compileServedModel({ manifest: { id: 'nearest', spec, macs: { perLrPixel: 1 } }, parameters, digest: 'n' });
}

let upscaler: Upscaler;
const model = nearestModel();
beforeAll(async () => {
  upscaler = await createUpscaler({ provider: 'cpu', workers: 1 });
});
afterAll(() => upscaler.close());

const enlarge = (bytes: Buffer, options: Partial<EnlargeEncodedOptions> = {}) =>
  enlargeEncoded(bytes, { upscaler, model, now: () => performance.now(), ...options });

async function rawOf(image: Sharp) {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: info.channels, data: Uint8Array.from(data) };
}

async function samples16(png: Buffer): Promise<Uint16Array> {
  const { space } = await sharp(png).metadata();
  const { buffer, byteOffset, length } = await sharp(png)
    .toColourspace(space as string)
    .raw({ depth: 'ushort' })
    .toBuffer();
  return new Uint16Array(buffer, byteOffset, length / 2);
}

test('a picture counts as worked on from its first byte to its last, also when it fails', async () => {
  const seen: number[] = [];
  let open = 0;
  const counting: Upscaler = {
    ...upscaler,
    begin() {
      open += 1;
      const end = upscaler.begin();
      return () => {
        open -= 1;
        end();
      };
    },
    upscaleRows(...args) {
      seen.push(open);
      return upscaler.upscaleRows(...args);
    },
  };
  const source = await toSharp(pixels(12, 8, 3, (x, y) => x * 9 + y * 3))
    .png()
    .toBuffer();
  await enlarge(source, { upscaler: counting });
  expect([seen, open]).toEqual([[1], 0]);
  await expect(enlarge(source.subarray(0, 60), { upscaler: counting })).rejects.toMatchObject({ status: 422 });
  expect(open).toBe(0);
});

describe('channels', () => {
  test('a gray JPEG comes back with one channel', async () => {
    const gray = pixels(40, 24, 1, (x, y) => x * 5 + y * 2);
    const source = await toSharp(gray).toColourspace('b-w').jpeg({ quality: 100 }).toBuffer();
    const { data } = await enlarge(source, { encoding: { quality: 100 } });
    expect(await sharp(data).metadata()).toMatchObject({
      format: 'jpeg',
      channels: 1,
      space: 'b-w',
      width: 160,
      height: 96,
    });
    const result = await rawOf(sharp(data).toColourspace('b-w'));
    expect(meanDifference(result, repeatPixels(await rawOf(sharp(source).toColourspace('b-w')), SCALE))).toBeLessThan(
      1.5,
    );
  });

  test('gray with alpha comes back with two', async () => {
    const source = await sharp(Buffer.from([200, 200, 90, 90]), { raw: { width: 2, height: 2, channels: 1 } })
      .joinChannel(Buffer.from([255, 255, 255, 255]), { raw: { width: 2, height: 2, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    const { data } = await enlarge(source);
    expect(await sharp(data).metadata()).toMatchObject({ channels: 2, space: 'b-w' });
    const { data: rgba } = await rawOf(sharp(data).ensureAlpha().toColourspace('srgb'));
    expect([...rgba.subarray(0, 4), ...rgba.subarray(-4)]).toEqual([200, 200, 200, 255, 90, 90, 90, 255]);
  });

  test('a transparent edge has no dark fringe, whatever hides under it', async () => {
    const disc = pixels(48, 48, 4, (x, y, c) => {
      const isInside = Math.hypot(x - 24, y - 24) < 15;
      return c === 3 ? (isInside ? 255 : 0) : isInside ? [240, 200, 40][c] : 0;
    });
    const { data } = await enlarge(await toSharp(disc).png().toBuffer());
    const white = await rawOf(sharp(data).flatten({ background: { r: 240, g: 200, b: 40 } }));
    // On a background of the disc's own colour nothing may be seen of it.
    for (let c = 0; c < 3; c++) {
      const channel = white.data.filter((_, i) => i % 3 === c);
      expect(Math.max(...channel) - Math.min(...channel)).toBeLessThanOrEqual(1);
    }
    const { data: raw } = await rawOf(sharp(data));
    expect(new Set(raw.filter((_, i) => i % 4 === 3)).size).toBeGreaterThan(20);
  });

  test('a CMYK JPEG with a profile comes back as an sRGB JPEG of the same colours', async () => {
    const muted = pixels(40, 24, 3, (x, y, c) => 90 + x + y + c * 12);
    const source = await toSharp(muted).withIccProfile('cmyk').jpeg({ quality: 95 }).toBuffer();
    expect((await sharp(source).metadata()).space).toBe('cmyk');
    const { data } = await enlarge(source);
    const metadata = await sharp(data).metadata();
    expect(metadata).toMatchObject({ format: 'jpeg', space: 'srgb', channels: 3 });
    expect(metadata.icc).toBeUndefined();
    expect(meanDifference(await rawOf(sharp(data)), repeatPixels(muted, SCALE))).toBeLessThan(4);
  });
});

describe('16 bits', () => {
  test.each([
    [1, 'grey16'],
    [2, 'grey16'],
    [3, 'rgb16'],
    [4, 'rgb16'],
  ] as const)('of a PNG of %d channels stay', async (channels, space) => {
    const [width, height] = [64, 9];
    const isAlpha = (i: number) => channels % 2 === 0 && i % channels === channels - 1;
    const ramp = Uint16Array.from({ length: width * height * channels }, (_, i) => {
      const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
      return isAlpha(i) ? 65535 : 12_000 + x * 733 + y * 61 + (i % channels) * 17;
    });
    const source = await sharp(ramp, { raw: { width, height, channels } }).toColourspace(space).png().toBuffer();
    const { data } = await enlarge(source);
    expect(await sharp(data).metadata()).toMatchObject({ depth: 'ushort', channels, space });
    const result = await samples16(data);
    const expected = (i: number) => {
      const [x, y] = [Math.floor(i / channels) % (width * SCALE), Math.floor(i / channels / (width * SCALE))];
      return ramp[(Math.floor(y / SCALE) * width + Math.floor(x / SCALE)) * channels + (i % channels)];
    };
    expect(result.length).toBe(ramp.length * SCALE ** 2);
    const worst = result.reduce((most, value, i) => Math.max(most, Math.abs(value - expected(i))), 0);
    expect(worst / 65535).toBeLessThan(1e-4);
    const levels = new Set(result.filter((_, i) => i % channels === 0));
    expect(levels.size).toBeGreaterThan(256);
  });
});

describe('profile, orientation, metadata', () => {
  const photo = () => toSharp(pixels(30, 20, 3, smooth));
  const withExif = () =>
    photo()
      .withExif({ IFD0: { Copyright: 'Ada Lovelace', Artist: 'Ada', Make: 'Camera' }, IFD3: { GPSLatitudeRef: 'N' } })
      .withMetadata({ orientation: 6 })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- place --></x:xmpmeta>');
  const textOf = (block: Buffer | undefined) => block?.toString('latin1') ?? '';

  test.each(['jpeg', 'png', 'webp', 'avif'] as const)('a Display P3 %s keeps profile and pixels', async (format) => {
    const lossless = { png: {}, webp: { lossless: true }, jpeg: { quality: 100 }, avif: { quality: 90 } }[format];
    const source = await photo().withIccProfile('p3').toFormat(format, lossless).toBuffer();
    const { data } = await enlarge(source, { encoding: { quality: 95 } });
    const [before, after] = [await sharp(source).metadata(), await sharp(data).metadata()];
    expect(before.icc && after.icc?.equals(before.icc)).toBe(true);
    const stored = await rawOf(sharp(source, { ignoreIcc: true }));
    const result = await rawOf(sharp(data, { ignoreIcc: true }));
    expect(meanDifference(result, repeatPixels(stored, SCALE))).toBeLessThan(
      format === 'png' || format === 'webp' ? 0.01 : 3,
    );
  });

  test.each([
    ['strip', false, false, false],
    ['copyright', true, false, false],
    ['keep', true, true, true],
  ] as const)('metadata: %s', async (metadata, hasCopyright, hasCamera, hasXmp) => {
    for (const format of ['jpeg', 'png', 'webp', 'avif'] as const) {
      const source = await withExif().toFormat(format, { quality: 90 }).toBuffer();
      expect(textOf((await sharp(source).metadata()).exif)).toContain('Ada Lovelace');
      const { data, width, height } = await enlarge(source, { encoding: { metadata } });
      const after = await sharp(data).metadata();
      expect([width, height, after.width, after.height, after.orientation ?? 1]).toEqual([80, 120, 80, 120, 1]);
      expect(textOf(after.exif).includes('Ada Lovelace'), format).toBe(hasCopyright);
      expect(textOf(after.exif).includes('Camera'), format).toBe(hasCamera);
      expect(textOf(after.xmp).includes('place'), format).toBe(hasXmp);
    }
  });

  test('a progressive 4:4:4 JPEG of 300 dpi stays one', async () => {
    const source = await photo().withDensity(300).jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer();
    const result = await readHeader((await enlarge(source)).data);
    expect(result).toMatchObject({ isProgressive: true, chromaSubsampling: '4:4:4', densityPpi: 300 });
  });
});

describe('quality', () => {
  const noisy = toSharp(pixels(64, 64, 3, (x, y, c) => (x * 53 + y * 97 + c * 31 + x * y * 7) % 256));

  test.each(['jpeg', 'webp', 'avif'] as const)('of a %s is that of the first step large enough', async (format) => {
    const source = await noisy.clone().toFormat(format).toBuffer();
    const bytesWith = async (quality: NonNullable<EnlargeEncodedOptions['encoding']>['quality']) =>
      (await enlarge(source, { encoding: quality === undefined ? {} : { quality } })).data.length;
    const steps = (maxPixels: number) => [
      { maxPixels, jpeg: 91, webp: 91, avif: 91 },
      { maxPixels: Number.POSITIVE_INFINITY, jpeg: 40, webp: 40, avif: 40 },
    ];
    expect(await bytesWith(steps(256 * 256))).toBe(await bytesWith(91));
    expect(await bytesWith(steps(256 * 256 - 1))).toBe(await bytesWith(40));
  });
});
