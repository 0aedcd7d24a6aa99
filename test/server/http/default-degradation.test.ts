/** What requests get that do not say how their picture was degraded: the option `degradation`. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { DualscaleOptions } from '../../../src/server/options.ts';
import { createDualscale } from '../../../src/server/plugin.ts';
import { publishBlindModel } from '../../helpers/blind-model.ts';
import { serveBehind, testPixels } from '../../helpers/http-host.ts';
import { type ModelsFolder, publishNearestModels } from '../../helpers/nearest-models.ts';
import { image } from '../../helpers/plugin-fixture.ts';

const DEGRADED = [0.6, 0, 0, 0.2, 0.25];
const PLAIN = 'model=nearest-x2; scale=2; degradation=bicubic; why=asked';

let folder: ModelsFolder;
let png: Buffer;
beforeAll(async () => {
  folder = await publishNearestModels([2, 4]);
  await publishBlindModel(folder.directory, DEGRADED);
  png = await sharp(testPixels(20, 15).data, { raw: { width: 20, height: 15, channels: 3 } })
    .png()
    .toBuffer();
});
afterAll(() => folder.remove());

async function start(options: DualscaleOptions = {}) {
  const dualscale = await createDualscale({ modelsDir: folder.directory, provider: 'cpu', workers: 1, ...options });
  const server = await serveBehind(dualscale.middleware(), image(png));
  onTestFinished(async () => {
    server.close();
    await dualscale.close();
  });
  const ask = async (query: string, etag = '') => {
    const headers = { 'If-None-Match': etag };
    const response = await fetch(`${server.url}/a.png?${query}`, { headers });
    const body = Buffer.from(await response.arrayBuffer());
    const of = (name: string) => response.headers.get(name) ?? '';
    return { status: response.status, told: of('x-dualscale'), etag: of('etag'), cache: of('cache-status'), body };
  };
  return { dualscale, ask };
}

test('bicubic: the plain model answers and nothing is estimated, unless the URL says otherwise', async () => {
  const { dualscale, ask } = await start({ degradation: 'bicubic' });
  expect((await ask('upscale=2')).told).toBe(PLAIN);
  expect((await ask('upscale=auto&w=40')).told).toBe(PLAIN);
  expect((await ask('upscale=2&sr_degradation=auto')).told).toContain('model=told-x2; scale=2; degradation=blind');
  expect((await ask('upscale=2&sr_degradation=blind')).told).toContain('degradation=blind; why=asked');
  expect((await ask('upscale=2&sr_sigma=1')).told).toContain('degradation=blind; why=asked; sigma=1.00');
  // Who names a model gets it, whatever it is.
  expect((await ask('upscale=2&sr_model=nearest-x2')).told).toBe('model=nearest-x2; scale=2');
  expect((await ask('upscale=2&sr_model=told-x2')).told).toContain('model=told-x2; scale=2; degradation=blind');
  expect((await dualscale.upscale(png, { scale: 2 })).modelId).toBe('nearest-x2');
  expect((await dualscale.upscale(png, { scale: 2, degradation: 'auto' })).modelId).toBe('told-x2');
});

test('blind: the blind model answers, and the plain one where there is none', async () => {
  const { dualscale, ask } = await start({ degradation: 'blind', onLimit: 'clamp' });
  expect((await ask('upscale=2')).told).toContain('model=told-x2; scale=2; degradation=blind; why=asked');
  expect((await ask('upscale=4')).told).toBe('model=nearest-x4; scale=4');
  expect((await ask('upscale=2&sr_degradation=bicubic')).told).toBe(PLAIN);
  expect((await ask('upscale=4&sr_degradation=blind')).status).toBe(400);
  expect((await dualscale.upscale(png, { scale: 2 })).modelId).toBe('told-x2');
});

test('with bicubic no blind model is loaded until a request asks for one', async () => {
  const own = await publishNearestModels([2]);
  onTestFinished(() => own.remove());
  await publishBlindModel(own.directory, DEGRADED);
  const servers = [
    await start({ modelsDir: own.directory }),
    await start({ modelsDir: own.directory, degradation: 'bicubic' }),
  ];
  for (const { dualscale } of servers) await dualscale.warmUp();
  await rm(join(own.directory, 'told-x2'), { recursive: true });
  const [auto, bicubic] = await Promise.all(servers.map(({ ask }) => ask('upscale=2&sr_degradation=blind')));
  expect([auto?.status, bicubic?.status]).toEqual([200, 404]);
  expect((await servers[1]?.ask('upscale=2'))?.told).toBe(PLAIN);
});

test('servers that share a cache and differ in it do not mix their pictures', async () => {
  const entries = new Map<string, unknown>();
  const shared = {
    get: async (key: string) => entries.get(key),
    set: async (key: string, value: unknown) => entries.set(key, value),
    delete: async (key: string) => entries.delete(key),
  };
  const cache = { memoryBytes: 0, shared };
  const [auto, bicubic, again] = [
    await start({ cache }),
    await start({ cache, degradation: 'bicubic' }),
    await start({ cache, degradation: 'bicubic' }),
  ];
  const [degraded, plain] = [await auto.ask('upscale=2'), await bicubic.ask('upscale=2')];
  expect([degraded.told.slice(0, 13), plain.told]).toEqual(['model=told-x2', PLAIN]);
  expect(plain.cache).not.toContain('hit');
  expect(plain.etag).not.toBe(degraded.etag);
  // A validator of one is no validator of the other.
  expect((await bicubic.ask('upscale=2', degraded.etag)).status).toBe(200);
  expect((await bicubic.ask('upscale=2', plain.etag)).status).toBe(304);
  const same = await again.ask('upscale=2');
  expect([same.cache, same.told, same.etag]).toEqual(['dualscale; hit', PLAIN, plain.etag]);
});

test('another value is refused by name', async () => {
  await expect(createDualscale({ degradation: 'none' as never })).rejects.toMatchObject({
    code: 'DS_BAD_OPTION',
    message: expect.stringMatching(/`degradation` to be one of auto, bicubic, blind/),
  });
});
