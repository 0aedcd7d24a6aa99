import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { sniffFormat } from '../../../src/core/codec/container.ts';
import { decode } from '../../../src/core/codec/decode.ts';
import { readHeader } from '../../../src/core/codec/header.ts';
import { checkInputBytes, checkInputSize, checkOutputSize, resolveLimits } from '../../../src/core/codec/limits.ts';
import { pixels, smooth, toSharp } from './pictures.ts';

const code = (value: string) => expect.objectContaining({ code: value });

describe('readHeader', () => {
  const picture = toSharp(pixels(20, 12, 3, smooth));

  test.each(['png', 'jpeg', 'webp', 'avif'] as const)('names a %s and its size', async (format) => {
    const header = await readHeader(await picture.clone().toFormat(format).toBuffer());
    expect(header).toMatchObject({ format, width: 20, height: 12, hasAlpha: false, isAnimated: false, bitDepth: 8 });
    expect(header.isLossless).toBe(format === 'png');
  });

  test('gives the size after the orientation', async () => {
    const bytes = await picture.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await readHeader(bytes)).toMatchObject({ width: 12, height: 20, orientation: 6 });
  });

  test('tells gray, palette, 16 bits, progressive, chroma, density and lossless WebP', async () => {
    const gray = toSharp(pixels(8, 8, 1, smooth)).toColourspace('b-w');
    expect((await readHeader(await gray.clone().png().toBuffer())).isGray).toBe(true);
    expect((await readHeader(await gray.clone().jpeg().toBuffer())).isGray).toBe(true);
    expect(await readHeader(await picture.clone().png({ palette: true }).toBuffer())).toMatchObject({
      isPalette: true,
      isGray: false,
    });
    expect((await readHeader(await picture.clone().toColourspace('rgb16').png().toBuffer())).bitDepth).toBe(16);
    const jpeg = await picture
      .clone()
      .withDensity(300)
      .jpeg({ progressive: true, chromaSubsampling: '4:4:4' })
      .toBuffer();
    expect(await readHeader(jpeg)).toMatchObject({ isProgressive: true, chromaSubsampling: '4:4:4', densityPpi: 300 });
    const withAlpha = toSharp(pixels(8, 8, 4, smooth));
    expect(await readHeader(await withAlpha.clone().webp({ lossless: true }).toBuffer())).toMatchObject({
      isLossless: true,
      hasAlpha: true,
    });
    expect((await readHeader(await withAlpha.clone().webp().toBuffer())).isLossless).toBe(false);
  });

  test('calls an animated WebP animated, and decode refuses it', async () => {
    const frames = pixels(8, 24, 4, (x, y, c) => (c === 3 ? 255 : x * y));
    const bytes = await sharp(frames.data, { raw: { width: 8, height: 24, channels: 4, pageHeight: 8 } })
      .webp()
      .toBuffer();
    expect(await readHeader(bytes)).toMatchObject({ isAnimated: true, width: 8, height: 8 });
    await expect(decode(bytes)).rejects.toThrow(code('DS_UNSUPPORTED_IMAGE'));
  });

  test('calls an APNG animated although the decoder shows its first frame', async () => {
    const png = await picture.clone().png().toBuffer();
    const control = chunk('acTL', Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]));
    const apng = Buffer.concat([png.subarray(0, 33), control, png.subarray(33)]);
    expect((await readHeader(apng)).isAnimated).toBe(true);
  });
});

describe('what is not PNG, JPEG, WebP or AVIF', () => {
  const refused: [string, () => Promise<Buffer>][] = [
    ['an SVG', async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
    [
      'an SVG after an XML prolog',
      async () => Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'),
    ],
    [
      'a GIF',
      () =>
        toSharp(pixels(8, 8, 3, smooth))
          .gif()
          .toBuffer(),
    ],
    [
      'a TIFF',
      () =>
        toSharp(pixels(8, 8, 3, smooth))
          .tiff()
          .toBuffer(),
    ],
    ['HTML', async () => Buffer.from('<!doctype html><title>not found</title>')],
    ['a HEIC file type box', async () => Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1')],
  ];
  test.each(refused)('%s is unsupported', async (_, make) => {
    const bytes = await make();
    expect(sniffFormat(bytes)).toBeUndefined();
    await expect(readHeader(bytes)).rejects.toThrow(code('DS_UNSUPPORTED_IMAGE'));
  });

  test('no bytes at all and a signature alone are bad images', async () => {
    await expect(readHeader(Buffer.alloc(0))).rejects.toThrow(code('DS_BAD_IMAGE'));
    await expect(readHeader(Buffer.from([0xff, 0xd8, 0xff, 0xe0]))).rejects.toThrow(code('DS_BAD_IMAGE'));
    await expect(readHeader(Buffer.from('RIFF\x04\0\0\0WEBP', 'latin1'))).rejects.toThrow(code('DS_BAD_IMAGE'));
  });
});

describe('limits', () => {
  test('a flat PNG of 30000x30000 is refused by its header in no time', async () => {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(30_000, 0);
    header.writeUInt32BE(30_000, 4);
    header.set([8, 2, 0, 0, 0], 8);
    // The pixel data is missing altogether: had a decoder looked for it, the answer would be DS_BAD_IMAGE.
    const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const bytes = Buffer.concat([
      signature,
      chunk('IHDR', header),
      chunk('IDAT', deflateSync(Buffer.alloc(64))),
      chunk('IEND', Buffer.alloc(0)),
    ]);
    await expect(decode(bytes)).rejects.toThrow(
      expect.objectContaining({
        code: 'DS_INPUT_TOO_LARGE',
        status: 413,
        publicMessage: expect.stringContaining('30000x30000'),
      }),
    );
  });

  test('the limit itself is still allowed', async () => {
    const bytes = await toSharp(pixels(20, 12, 3, smooth))
      .png()
      .toBuffer();
    expect((await decode(bytes, { maxInputPixels: 240 })).rgb.width).toBe(20);
    await expect(decode(bytes, { maxInputPixels: 239 })).rejects.toThrow(code('DS_INPUT_TOO_LARGE'));
    expect((await decode(bytes, { maxInputBytes: bytes.length })).rgb.width).toBe(20);
    await expect(decode(bytes, { maxInputBytes: bytes.length - 1 })).rejects.toThrow(code('DS_INPUT_TOO_LARGE'));
    expect(() => checkInputBytes(33_554_433)).toThrow(code('DS_INPUT_TOO_LARGE'));
    expect(() => checkInputSize({ width: 4096, height: 4097 })).toThrow(code('DS_INPUT_TOO_LARGE'));
  });

  test.each([
    ['webp', 4095, 4096],
    ['jpeg', 16375, 16376],
    ['avif', 4096, 4097],
  ] as const)('a %s ends at the side its encoder takes', (format, allowed, refused) => {
    checkOutputSize({ width: allowed, height: 1 }, 4, format);
    expect(() => checkOutputSize({ width: 1, height: refused }, 4, format)).toThrow(
      expect.objectContaining({
        code: 'DS_OUTPUT_TOO_LARGE',
        publicMessage: expect.stringContaining(`4x${refused * 4}`),
      }),
    );
  });

  test('output pixels count after enlarging', () => {
    checkOutputSize({ width: 10, height: 10 }, 4, 'png', { maxOutputPixels: 1600 });
    expect(() => checkOutputSize({ width: 10, height: 10 }, 4, 'png', { maxOutputPixels: 1599 })).toThrow(
      code('DS_OUTPUT_TOO_LARGE'),
    );
  });

  test('of what is made smaller before it is written the encoder takes the smaller size', () => {
    const input = { width: 3000, height: 4000 };
    checkOutputSize(input, 2, 'webp', {}, { width: 3840, height: 5120 });
    expect(() => checkOutputSize(input, 2, 'webp')).toThrow(code('DS_OUTPUT_TOO_LARGE'));
    // The network's own result counts all the same.
    expect(() => checkOutputSize(input, 4, 'webp', {}, { width: 9, height: 12 })).toThrow(code('DS_OUTPUT_TOO_LARGE'));
    expect(() => checkOutputSize({ width: 9, height: 9 }, 4, 'webp', {}, { width: 16384, height: 1 })).toThrow(
      '16384x1',
    );
  });

  test.each([
    ['maxInputPixels', 0],
    ['maxOutputPixels', 268_402_690],
    ['maxInputBytes', 1.5],
  ])('a bad `%s` (%d) is refused by name', (name, value) => {
    expect(() => resolveLimits({ [name]: value })).toThrow(
      expect.objectContaining({ code: 'DS_BAD_OPTION', message: expect.stringContaining(`\`${name}\``) }),
    );
  });
});

/** A PNG chunk with its CRC-32, computed bit by bit. */
function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  let crc = 0xffffffff;
  for (const byte of body) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  const [size, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  size.writeUInt32BE(data.length);
  check.writeUInt32BE(~crc >>> 0);
  return Buffer.concat([size, body, check]);
}
