/** A picture in strips is the picture as a whole: pixels, alpha and colour under it, files, and the memory it takes. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPicture } from '../../../src/core/codec/open-picture.ts';
import { createPictureWriter } from '../../../src/core/codec/picture-writer.ts';
import type { ChannelCount, Samples } from '../../../src/core/pixels/image.ts';
import { enlargeRows, planStrips } from '../../../src/core/upscale/enlarge-rows.ts';
import { createUpscaler } from '../../../src/core/upscale/upscale.ts';
import type { Upscaler } from '../../../src/core/upscale/upscaler.ts';
import { convChainModel, randomNumbers } from '../../helpers/onnx-fixtures.ts';

const model = convChainModel({ scale: 2, layers: 4, featureCount: 8 });

describe('planStrips', () => {
  test('covers every row once, in strips that fit', () => {
    const plans = fc.record({
      width: fc.integer({ min: 1, max: 3000 }),
      height: fc.integer({ min: 1, max: 3000 }),
      halo: fc.integer({ min: 0, max: 30 }),
      maxStripBytes: fc.integer({ min: 1, max: 10 ** 7 }),
    });
    fc.assert(
      fc.property(plans, (plan) => {
        const strips = planStrips({ ...plan, scale: 4, bytesPerPixel: 3 });
        let next = 0;
        for (const { top, rows } of strips) {
          expect(top).toBe(next);
          expect(rows).toBeGreaterThan(0);
          const fits = rows * plan.width * 16 * 3 <= plan.maxStripBytes;
          expect(fits || rows <= Math.max(1, 2 * plan.halo)).toBe(true);
          next += rows;
        }
        expect(next).toBe(plan.height);
      }),
    );
  });

  test('gives a network that must see everything one strip', () => {
    const whole = { width: 5000, height: 5000, scale: 4, halo: undefined, bytesPerPixel: 3, maxStripBytes: 1 };
    expect(planStrips(whole)).toEqual([{ top: 0, rows: 5000 }]);
  });
});

describe('enlargeRows', () => {
  let upscaler: Upscaler;
  beforeAll(async () => {
    upscaler = await createUpscaler({ provider: 'cpu', workers: 2 });
  });
  afterAll(() => upscaler.close());

  /** A picture with detail everywhere, and holes in its alpha with black under them. */
  async function makePng(width: number, height: number, channels: ChannelCount, depth: 8 | 16): Promise<Buffer> {
    const random = randomNumbers(3);
    const full = depth === 16 ? 65535 : 255;
    const isTransparent = channels % 2 === 0;
    const sample = (_: unknown, i: number) => {
      const [pixel, channel] = [Math.floor(i / channels), i % channels];
      const isHole = Math.hypot(((pixel % width) % 60) - 30, (Math.floor(pixel / width) % 90) - 45) < 25;
      if (isTransparent && isHole) return 0;
      return isTransparent && channel === channels - 1 ? full : ((random() + 1) / 2) * full;
    };
    const length = width * height * channels;
    const data = depth === 16 ? Uint16Array.from({ length }, sample) : Uint8Array.from({ length }, sample);
    const space = channels < 3 ? { 8: 'b-w', 16: 'grey16' } : { 8: 'srgb', 16: 'rgb16' };
    return sharp(data, { raw: { width, height, channels } }).toColourspace(space[depth]).png().toBuffer();
  }

  async function enlarge(bytes: Buffer, maxStripBytes: number, bandBytes?: number) {
    const picture = await openPicture(bytes, {}, bandBytes);
    const parts: Samples[] = [];
    // Copied, because the strips take turns with their memory.
    const write = async (rows: Samples) => void parts.push(rows.slice());
    await enlargeRows(picture, { upscaler, model, write, maxStripBytes });
    return { parts: parts.length, samples: parts.flatMap((part) => [...part]) };
  }

  test.each([
    [1, 8],
    [2, 8],
    [3, 8],
    [4, 8],
    [3, 16],
    [4, 16],
  ] as const)(
    'of %d channels and %d bits, in strips and bands, gives what one strip gives',
    async (channels, depth) => {
      const bytes = await makePng(71, 140, channels, depth);
      const whole = await enlarge(bytes, 1e9);
      const strips = await enlarge(bytes, 71 * 4 * channels * (depth / 8) * 23, 71 * channels * (depth / 8) * 40);
      expect([whole.parts, strips.parts]).toEqual([1, 7]);
      expect(strips.samples.length).toBe(whole.samples.length);
      const differences = strips.samples.map((value, i) => Math.abs(value - (whole.samples[i] as number)));
      // One level where a float lies at a rounding boundary; sixteen bits show how far floats differ at all.
      expect(differences.reduce((most, value) => Math.max(most, value))).toBeLessThanOrEqual(
        1 + (depth === 16 ? 3 : 0),
      );
      expect(differences.filter((value) => value > 0).length).toBeLessThan(
        whole.samples.length / (depth === 16 ? 4 : 1000),
      );
    },
  );

  test('ends with the error of the strip that failed, and starts no more', async () => {
    const bytes = await makePng(71, 140, 3, 8);
    const picture = await openPicture(bytes);
    let strips = 0;
    const write = async () => {
      strips += 1;
      throw new Error('the disk is full');
    };
    const enlarging = enlargeRows(picture, { upscaler, model, write, maxStripBytes: 71 * 4 * 3 * 23 });
    await expect(enlarging).rejects.toThrow('the disk is full');
    expect(strips).toBe(1);
  });

  test('stops when nobody waits', async () => {
    const picture = await openPicture(await makePng(71, 140, 3, 8));
    const abort = new AbortController();
    const write = async () => abort.abort();
    const options = { upscaler, model, write, maxStripBytes: 71 * 4 * 3 * 23, signal: abort.signal };
    await expect(enlargeRows(picture, options)).rejects.toMatchObject({ code: 'DS_ABORTED' });
  });
});

describe('createPictureWriter', () => {
  const shape = { width: 50, height: 40, channels: 3, depth: 8 } as const;
  const data = Uint8Array.from({ length: 50 * 40 * 3 }, (_, i) => (i * 7919) % 256);

  test.each(['png', 'jpeg', 'webp', 'avif'] as const)(
    'gives the same %s from rows as from the whole',
    async (format) => {
      const whole = createPictureWriter(shape, { format });
      await whole.write(data);
      const rows = createPictureWriter(shape, { format });
      for (let row = 0; row < 40; row += 8) await rows.write(data.subarray(row * 150, (row + 8) * 150));
      const [a, b] = [await rows.finish(), await whole.finish()];
      expect((await sharp(a).raw().toBuffer()).equals(await sharp(b).raw().toBuffer())).toBe(true);
      expect(await sharp(a).metadata()).toMatchObject({
        ...shape,
        depth: 'uchar',
        format: format === 'avif' ? 'heif' : format,
      });
    },
  );

  test('leaves no file behind, finished or given up', async () => {
    const spoolFolder = await mkdtemp(join(tmpdir(), 'dualscale-test-'));
    const filesLeft = () => readdir(spoolFolder);
    try {
      for (const end of ['finish', 'discard'] as const) {
        const writer = createPictureWriter(shape, { format: 'png' }, { spoolFolder });
        await writer.write(data.subarray(0, 1500));
        expect(await filesLeft()).toHaveLength(1);
        await writer.write(data.subarray(1500));
        await writer[end]();
        expect(await filesLeft()).toEqual([]);
      }
    } finally {
      await rm(spoolFolder, { recursive: true });
    }
  });

  test('a folder that cannot be written to is DS_NO_ROOM', async () => {
    const writer = createPictureWriter(shape, { format: 'png' }, { spoolFolder: '/dev/null/none' });
    await expect(writer.write(data.subarray(0, 1500))).rejects.toMatchObject({ code: 'DS_NO_ROOM', status: 503 });
  });

  test('rows that are missing are an error, not a picture', async () => {
    const writer = createPictureWriter(shape, { format: 'jpeg' });
    await writer.write(data.subarray(0, 1500));
    await expect(writer.finish()).rejects.toThrow();
  });
});

describe.skipIf(!existsSync('/proc/self/status'))('memory (skipped without /proc)', () => {
  test('for 24 megapixels of result grows by less than the result', async () => {
    const script = fileURLToPath(new URL('./strips-memory.ts', import.meta.url));
    const child = fork(script, { execArgv: ['--import', 'tsx'] });
    const [{ grewBy, resultBytes }] = (await once(child, 'message')) as [{ grewBy: number; resultBytes: number }];
    expect(resultBytes).toBe(6000 * 4000 * 4);
    expect(grewBy).toBeLessThan(resultBytes);
  });
});
