import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import sharp from 'sharp';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createDualscale } from '../../src/server/plugin.ts';
import { encoder, pixelsOf, testPixels } from '../helpers/http-host.ts';
import { publishNearestModels, repeatPixels } from '../helpers/nearest-models.ts';
import { HEIGHT, usePlugin, WIDTH } from '../helpers/plugin-fixture.ts';

const plugin = usePlugin();

describe('upscale', () => {
  test('enlarges bytes, says what it made and how long each step took', async () => {
    const { data, ...facts } = await plugin.dualscale.upscale(plugin.png, { scale: 2 });
    expect(facts).toEqual({
      format: 'png',
      width: WIDTH * 2,
      height: HEIGHT * 2,
      modelId: 'nearest-x2',
      scale: 2,
      cache: 'miss',
      queueMs: expect.any(Number),
      timings: { decode: expect.any(Number), infer: expect.any(Number), encode: expect.any(Number) },
    });
    expect(await pixelsOf(data)).toEqual(repeatPixels(testPixels(WIDTH, HEIGHT), 2));
  });

  test('takes a plain Uint8Array that is a part of a larger one', async () => {
    const larger = new Uint8Array(plugin.png.length + 20);
    larger.set(plugin.png, 10);
    const { width } = await plugin.dualscale.upscale(larger.subarray(10, 10 + plugin.png.length), { scale: 4 });
    expect(width).toBe(WIDTH * 4);
  });

  test('without a scale it is the largest; a model brings its own', async () => {
    expect((await plugin.dualscale.upscale(plugin.png)).modelId).toBe('nearest-x4');
    expect((await plugin.dualscale.upscale(plugin.png, { model: 'nearest-x2' })).width).toBe(WIDTH * 2);
  });

  test.each([
    [{ scale: 3 }, 'DS_BAD_OPTION'],
    [{ model: 'nearest-x2', scale: 4 }, 'DS_BAD_OPTION'],
    [{ model: 'none' }, 'DS_MODEL_NOT_FOUND'],
    [{ model: '../nearest-x2' }, 'DS_MODEL_NOT_FOUND'],
    [{ signal: AbortSignal.abort() }, 'DS_ABORTED'],
  ])('%j fails with %s', async (wanted, code) => {
    await expect(plugin.dualscale.upscale(plugin.png, wanted)).rejects.toMatchObject({ code });
  });

  test('many at a time warn of no leak', async () => {
    const warnings: string[] = [];
    const listen = ({ name }: Error) => void warnings.push(name);
    process.on('warning', listen);
    const pictures = await Promise.all(
      Array.from({ length: 15 }, (_, i) =>
        encoder(8 + i, 8)
          .png()
          .toBuffer(),
      ),
    );
    await Promise.all(pictures.map((bytes) => plugin.dualscale.upscale(bytes, { scale: 2 })));
    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });

  test('an animation is refused rather than made a still', async () => {
    const frames = await Promise.all(['red', 'blue'].map((background) => still(background)));
    const animated = await sharp(frames, { join: { animated: true } })
      .webp()
      .toBuffer();
    await expect(plugin.dualscale.upscale(animated)).rejects.toMatchObject({ code: 'DS_UNSUPPORTED_IMAGE' });
  });

  const still = (background: string) =>
    sharp({ create: { width: 8, height: 8, channels: 3, background } })
      .png()
      .toBuffer();
});

describe('options', () => {
  test.each([
    [{ concurency: 2 }, 'concurency'],
    [{ limits: { maxPixels: 1 } }, 'limits.maxPixels'],
    [{ limits: { maxInputPixels: 0 } }, 'limits.maxInputPixels'],
    [{ quality: 0 }, 'quality'],
    [{ quality: 101 }, 'quality'],
    [{ concurrency: 0 }, 'concurrency'],
    [{ queueLimit: -1 }, 'queueLimit'],
    [{ workers: 0 }, 'workers'],
    [{ provider: 'abacus' }, 'provider'],
    [{ engine: 'abacus' }, 'engine'],
    [{ engine: 'tfjs', provider: 'webgpu' }, 'provider'],
    [{ modelsDir: '' }, 'modelsDir'],
    [{ models: { 4: 'none' } }, 'models[4]'],
  ])('%j is refused by name', async (wrong, name) => {
    await expect(plugin.create(wrong as never)).rejects.toMatchObject({
      code: 'DS_BAD_OPTION',
      message: expect.stringContaining(`\`${name}\``),
    });
  });

  test('engine tfjs runs the models on TF.js and says where', async () => {
    const messages: string[] = [];
    const [info, warn, error] = [(message: string) => void messages.push(message), () => {}, () => {}];
    const dualscale = await plugin.create({ engine: 'tfjs', provider: 'cpu', logger: { info, warn, error } });
    const { data } = await dualscale.upscale(plugin.png, { scale: 2 });
    await dualscale.close();
    expect(await pixelsOf(data)).toEqual(repeatPixels(testPixels(WIDTH, HEIGHT), 2));
    expect(messages).toContain('engine tfjs on backend cpu (@tensorflow/tfjs)');
  });

  test('a folder without models says so', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'dualscale-none-'));
    await expect(createDualscale({ modelsDir: empty })).rejects.toMatchObject({ code: 'DS_MODEL_NOT_FOUND' });
    await rm(empty, { recursive: true });
    await expect(createDualscale({ modelsDir: empty })).rejects.toMatchObject({ code: 'DS_MODEL_NOT_FOUND' });
  });

  test('quality reaches the encoder and the validator', async () => {
    const jpeg = await encoder(64, 64).jpeg({ quality: 100 }).toBuffer();
    const [coarse, fine] = await Promise.all([10, 100].map((quality) => plugin.create({ quality })));
    const [small, large] = await Promise.all([coarse, fine].map((each) => each.upscale(jpeg, { scale: 2 })));
    expect(small.data.length).toBeLessThan(large.data.length / 2);
    await Promise.all([coarse.close(), fine.close()]);
  });

  test("metrics go into the host's registry, and a second plugin does not mind", async () => {
    const registry = new Registry();
    const [first, second] = [await plugin.create({ registry }), await plugin.create({ registry })];
    expect(first.registry).toBe(registry);
    expect(registry.getSingleMetric('dualscale_requests_total')).toBeDefined();
    await Promise.all([first.close(), second.close()]);
  });
});

test('scales and models are told', () => {
  const { scales, models, servedBy } = plugin.dualscale;
  expect(scales).toEqual([2, 4]);
  expect(models.map(({ id }) => id)).toEqual(['nearest-x2', 'nearest-x4']);
  expect([servedBy(2)?.id, servedBy(3)]).toEqual(['nearest-x2', undefined]);
});

test('a warm plugin has run its models', async () => {
  await expect(plugin.dualscale.warmUp()).resolves.toBeUndefined();
  const closed = await plugin.create();
  await closed.close();
  await expect(closed.warmUp()).rejects.toMatchObject({ name: 'DualscaleError' });
});

test('closing the plugin closes its jobs, and closing both does no harm', async () => {
  const folder = await publishNearestModels([2]);
  const dir = await mkdtemp(join(tmpdir(), 'dualscale-jobs-'));
  onTestFinished(async () => {
    await folder.remove();
    await rm(dir, { recursive: true });
  });
  const start = () => createDualscale({ modelsDir: folder.directory, provider: 'cpu', workers: 1 });
  const first = await start();
  const jobs = await first.jobs({ dir });
  await first.close();
  // The lock of the folder is free.
  const second = await start();
  await second.jobs({ dir });
  await jobs.close();
  await second.close();
});
