import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readManifest } from '../../src/core/models/load.ts';
import type { Dualscale } from '../../src/server/plugin.ts';
import { encoder, pixelsOf, serveBehind, type TestServer } from '../helpers/http-host.ts';
import { image, usePlugin } from '../helpers/plugin-fixture.ts';
import { publishRandomModel } from '../helpers/random-model.ts';

const plugin = usePlugin();
const IDS = ['first-x2', 'second-x2'] as const;
const SIZES = [9, 12, 15, 18];

let dualscale: Dualscale;
let server: TestServer;
let sources: Buffer[];

beforeAll(async () => {
  await publishRandomModel(plugin.modelsDir, 'first-x2', 2, 7);
  await publishRandomModel(plugin.modelsDir, 'second-x2', 2, 99);
  dualscale = await plugin.create({ models: { 2: 'first-x2' } });
  sources = await Promise.all(SIZES.map((side) => encoder(side, side).png().toBuffer()));
  server = await serveBehind(dualscale.middleware(), (req, res) => {
    const index = Number(/(\d+)/.exec(req.url ?? '')?.[1]);
    image(sources[index % sources.length] as Buffer, 'image/png', { ETag: `"${index}"` })(req, res);
  });
});

afterAll(async () => {
  server.close();
  await dualscale.close();
});

const pixels = async (bytes: Uint8Array) => Buffer.from((await pixelsOf(bytes)).data).toString('base64');

/** What a plugin without a cache makes of a source. */
async function expectedPixels(): Promise<ReadonlyMap<string, string>> {
  const fresh = await plugin.create({ cache: { memoryBytes: 0 } });
  const expected = new Map<string, string>();
  for (const model of IDS) {
    for (const [index, bytes] of sources.entries()) {
      expected.set(`${model} ${index}`, await pixels((await fresh.upscale(bytes, { model })).data));
    }
  }
  await fresh.close();
  expect(new Set(expected.values()).size).toBe(expected.size);
  return expected;
}

test('while models are switched every request is answered, by one model, and header and pixels agree', async () => {
  const expected = await expectedPixels();
  const etags = new Map<string, Set<string>>();
  const seen = new Set<string>();
  let isDone = false;
  const client = async (start: number) => {
    for (let i = start; !isDone; i = (i + 1) % sources.length) {
      const response = await fetch(`${server.url}/${i}.png?upscale=2`);
      expect(response.status).toBe(200);
      const model = /model=([\w-]+)/.exec(response.headers.get('x-dualscale') ?? '')?.[1] as string;
      expect(await pixels(new Uint8Array(await response.arrayBuffer())), `${model} ${i}`).toBe(
        expected.get(`${model} ${i}`),
      );
      const etag = response.headers.get('etag') as string;
      etags.set(etag, (etags.get(etag) ?? new Set()).add(model));
      seen.add(model);
    }
  };
  const clients = [0, 1, 2, 3].map(client);
  for (let turn = 1; turn <= 12; turn++) await dualscale.activate(2, IDS[turn % 2] as string);
  isDone = true;
  await Promise.all(clients);
  expect([...seen].sort()).toEqual([...IDS]);
  // No validator stands for pixels of two models.
  for (const models of etags.values()) expect(models.size).toBe(1);
});

test('a validator of the model before is not answered with 304', async () => {
  await dualscale.activate(2, 'first-x2');
  const before = await fetch(`${server.url}/1.png?upscale=2`);
  const headers = { 'If-None-Match': before.headers.get('etag') as string };
  expect((await fetch(`${server.url}/1.png?upscale=2`, { headers })).status).toBe(304);
  await dualscale.activate(2, 'second-x2');
  const after = await fetch(`${server.url}/1.png?upscale=2`, { headers });
  expect([after.status, after.headers.get('x-dualscale')]).toEqual([200, 'model=second-x2; scale=2']);
  expect(dualscale.servedBy(2)?.id).toBe('second-x2');
});

test('a model that cannot serve leaves the old one in its place', async () => {
  for (const [scale, id] of [
    [2, 'absent'],
    [2, 'nearest-x4'],
    [2, '../first-x2'],
  ] as const) {
    await expect(dualscale.activate(scale, id)).rejects.toMatchObject({ code: 'DS_MODEL_NOT_FOUND' });
  }
  await publishRandomModel(plugin.modelsDir, 'broken-x2', 2, 5);
  await rm(join(plugin.modelsDir, 'broken-x2', 'weights.safetensors'));
  await expect(dualscale.activate(2, 'broken-x2')).rejects.toMatchObject({ code: 'DS_BAD_MODEL' });
  await rm(join(plugin.modelsDir, 'broken-x2'), { recursive: true });
  expect((await fetch(`${server.url}/2.png?upscale=2`)).status).toBe(200);
});

test('reload finds new models, takes those published anew, and keeps one that is gone', async () => {
  const served = await plugin.create({ models: { 2: 'first-x2' } });
  const enlarge = async () => pixels((await served.upscale(sources[0] as Buffer, { scale: 2 })).data);
  await expect(served.upscale(sources[0] as Buffer, { model: 'third-x3' })).rejects.toMatchObject({
    code: 'DS_MODEL_NOT_FOUND',
  });
  const before = await enlarge();
  await publishRandomModel(plugin.modelsDir, 'first-x2', 2, 1234);
  await publishRandomModel(plugin.modelsDir, 'third-x3', 3, 5);
  expect(await enlarge()).toBe(before);
  await served.reload();
  expect((await served.upscale(sources[0] as Buffer, { model: 'third-x3' })).width).toBe(3 * (SIZES[0] as number));
  const after = await enlarge();
  expect(after).not.toBe(before);
  await rm(join(plugin.modelsDir, 'first-x2'), { recursive: true });
  await served.reload();
  expect(await enlarge()).toBe(after);
  expect(served.models.map(({ id }) => id)).not.toContain('first-x2');
  await served.close();
  await rm(join(plugin.modelsDir, 'third-x3'), { recursive: true });
});

test.each(['reload first', 'activate first'])(
  'a reload beside an activation does not put the old model back: %s',
  async (order) => {
    await publishRandomModel(plugin.modelsDir, 'first-x2', 2, 7);
    const served = await plugin.create({ models: { 2: 'first-x2' } });
    await publishRandomModel(plugin.modelsDir, 'first-x2', 2, 31);
    const changes = [() => served.reload(), () => served.activate(2, 'second-x2')];
    if (order === 'activate first') changes.reverse();
    await Promise.all(changes.map((change) => change()));
    expect(served.servedBy(2)?.id).toBe('second-x2');
    await served.close();
  },
);

test('reload of a serving model that was damaged: it serves on, and the others are not hindered', async () => {
  const warnings: string[] = [];
  const logger = { info() {}, error() {}, warn: (message: string) => void warnings.push(message) };
  const served = await plugin.create({ models: { 2: 'second-x2' }, logger });
  const enlarge = async () => pixels((await served.upscale(sources[0] as Buffer, { scale: 2 })).data);
  const before = await enlarge();
  await publishRandomModel(plugin.modelsDir, 'second-x2', 2, 4321);
  const { weights } = await readManifest(join(plugin.modelsDir, 'second-x2'));
  await rm(join(plugin.modelsDir, 'second-x2', weights.file));
  await publishRandomModel(plugin.modelsDir, 'third-x3', 3, 5);
  await served.reload();
  expect(warnings.filter((text) => text.includes('serves on as it was'))).toEqual([
    expect.stringContaining('second-x2'),
  ]);
  expect(await enlarge()).toBe(before);
  expect((await served.upscale(sources[0] as Buffer, { model: 'third-x3' })).width).toBe(3 * (SIZES[0] as number));
  await served.close();
  await rm(join(plugin.modelsDir, 'third-x3'), { recursive: true });
  await publishRandomModel(plugin.modelsDir, 'second-x2', 2, 99);
});

test('listeners hear of each enlargement, with model, time and error, until they stop', async () => {
  const small = await plugin.create({ limits: { maxOutputPixels: 4000 } });
  const heard: unknown[] = [];
  const stop = small.onEnlargement((enlargement) => void heard.push(enlargement));
  await small.upscale(sources[0] as Buffer, { model: 'second-x2' });
  await small.upscale(sources[0] as Buffer, { model: 'second-x2' });
  const damaged = (sources[1] as Buffer).subarray(0, -30);
  await expect(small.upscale(damaged, { model: 'second-x2' })).rejects.toThrow();
  stop();
  await small.upscale(sources[2] as Buffer, { model: 'second-x2' });
  const facts = { modelId: 'second-x2', scale: 2, milliseconds: expect.any(Number) };
  expect(heard).toHaveLength(2);
  expect(heard[0]).toMatchObject(facts);
  expect(heard[0]).not.toHaveProperty('error');
  expect(heard[1]).toMatchObject({ ...facts, error: 'DS_BAD_IMAGE' });
  await small.close();
});
