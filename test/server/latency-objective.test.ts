/** The shipped x4 models under `latencyObjectiveMs`: `edge-x4` serves, `edge-s-x4` stands in. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { PACKAGE_ROOT } from '../../src/core/version.ts';
import type { DualscaleOptions } from '../../src/server/options.ts';
import { createDualscale, type Dualscale } from '../../src/server/plugin.ts';
import { encoder, pixelsOf, serveBehind } from '../helpers/http-host.ts';
import { image } from '../helpers/plugin-fixture.ts';

const CACHEABLE = { 'Cache-Control': 'public, max-age=86400' };
/** No picture is made in this time. */
const NEVER_MET = 1;
/** Every picture is. */
const ALWAYS_MET = 600_000;

let sources: Buffer[];
/** The plain x4 models alone: without a blind one beside them nothing is estimated. */
let modelsDir: string;

beforeAll(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), 'dualscale-objective-'));
  for (const id of ['edge-x4', 'edge-s-x4', 'edge-l-x4']) {
    await cp(join(PACKAGE_ROOT, 'models', id), join(modelsDir, id), { recursive: true });
  }
  sources = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      encoder(96 + i, 96)
        .png()
        .toBuffer(),
    ),
  );
});

afterAll(() => rm(modelsDir, { recursive: true, force: true }));

/** `/tagged/N.png` comes with an ETag of the host, `/N.png` without. */
async function start(options: DualscaleOptions = {}) {
  const dualscale = await createDualscale({
    modelsDir,
    provider: 'cpu',
    workers: 1,
    concurrency: 1,
    queueLimit: 40,
    ...options,
  });
  const server = await serveBehind(dualscale.middleware(), (req, res) => {
    const index = Number(/(\d+)\.png/.exec(req.url ?? '')?.[1]);
    const tag: Record<string, string> = req.url?.startsWith('/tagged') ? { ETag: `"${index}"` } : {};
    image(sources[index] as Buffer, 'image/png', { ...CACHEABLE, ...tag })(req, res);
  });
  onTestFinished(async () => {
    server.close();
    await dualscale.close();
  });
  await dualscale.warmUp();
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(server.url + path, { headers });
    const body = Buffer.from(await response.arrayBuffer());
    const told = response.headers.get('x-dualscale') ?? '';
    const of = (name: string) => new RegExp(`\\b${name}=([\\w-]+)`).exec(told)?.[1];
    return {
      status: response.status,
      body,
      model: of('model'),
      why: of('why'),
      etag: response.headers.get('etag') as string,
      cache: response.headers.get('cache-status'),
      freshness: response.headers.get('cache-control'),
    };
  };
  // Nothing is known of the machine before a first picture.
  expect(await ask('/19.png?upscale=4')).toMatchObject({ status: 200, model: 'edge-x4', why: undefined });
  return { dualscale, ask };
}

async function values({ registry }: Dualscale, name: string): Promise<Record<string, number>> {
  const found = (await registry.getSingleMetric(name)?.get())?.values ?? [];
  return Object.fromEntries(found.map(({ labels, value }) => [Object.values(labels).join(' '), value]));
}

const enlarged = async (dualscale: Dualscale) =>
  Object.values(await values(dualscale, 'dualscale_enlargements_total')).reduce((sum, count) => sum + count, 0);

test('without an objective the serving model answers whatever waits', async () => {
  const { dualscale, ask } = await start();
  const answers = await Promise.all([0, 1, 2, 3].map((i) => ask(`/${i}.png?upscale=4`)));
  expect(answers.map(({ model, why }) => [model, why])).toEqual(Array(4).fill(['edge-x4', undefined]));
  expect(await values(dualscale, 'dualscale_model_choices_total')).toEqual({});
});

test('an objective that is met changes nothing but that it is counted', async () => {
  const { dualscale, ask } = await start({ latencyObjectiveMs: ALWAYS_MET });
  const plain = await start();
  const [chosen, expected] = [await ask('/0.png?upscale=4'), await plain.ask('/0.png?upscale=4')];
  expect(chosen).toEqual(expected);
  expect(await values(dualscale, 'dualscale_model_choices_total')).toEqual({ 'edge-x4 4 active': 2 });
});

describe('a picture for which no model is quick enough', () => {
  test('is made by the quickest, which is told, with a validator of its own and little freshness', async () => {
    const { dualscale, ask } = await start({ latencyObjectiveMs: NEVER_MET });
    const answer = await ask('/0.png?upscale=4');
    expect(answer).toMatchObject({ model: 'edge-s-x4', why: 'size', freshness: 'public, max-age=60' });
    const named = await ask('/0.png?upscale=4&sr_model=edge-x4');
    expect(named).toMatchObject({ model: 'edge-x4', why: undefined, freshness: 'public, max-age=86400' });
    expect(named.etag).not.toBe(answer.etag);
    const { data } = await dualscale.upscale(sources[0] as Buffer, { model: 'edge-s-x4' });
    expect((await pixelsOf(answer.body)).data).toEqual((await pixelsOf(data)).data);
    expect((await pixelsOf(named.body)).data).not.toEqual((await pixelsOf(data)).data);
    expect(await values(dualscale, 'dualscale_model_choices_total')).toMatchObject({ 'edge-s-x4 4 size': 1 });
  });

  test.each(['/tagged', ''])('is answered out of the cache the second time (%s)', async (folder) => {
    const { ask } = await start({ latencyObjectiveMs: NEVER_MET });
    const [first, second] = [await ask(`${folder}/0.png?upscale=4`), await ask(`${folder}/0.png?upscale=4`)];
    expect(second.cache).toBe('dualscale; hit');
    expect([second.model, second.why, second.etag]).toEqual([first.model, first.why, first.etag]);
    expect(second.body.equals(first.body)).toBe(true);
  });

  test.each(['/tagged', ''])('is answered by a better model where its picture is in the cache (%s)', async (folder) => {
    const { dualscale, ask } = await start({ latencyObjectiveMs: NEVER_MET });
    const worse = await ask(`${folder}/0.png?upscale=4`);
    const named = await ask(`${folder}/0.png?upscale=4&sr_model=edge-x4`);
    const made = await enlarged(dualscale);
    // A client that has the worse one gets the better one too: it costs nothing.
    const better = await ask(`${folder}/0.png?upscale=4`, { 'If-None-Match': worse.etag });
    expect(better).toMatchObject({ status: 200, model: 'edge-x4', why: undefined, cache: 'dualscale; hit' });
    expect(better.body.equals(named.body)).toBe(true);
    expect(better.etag).not.toBe(worse.etag);
    expect(await enlarged(dualscale)).toBe(made);
  });

  test.each(['/tagged', ''])('is not made anew for a client that has it (%s)', async (folder) => {
    const { dualscale, ask } = await start({ latencyObjectiveMs: NEVER_MET, cache: false });
    const { etag } = await ask(`${folder}/0.png?upscale=4`);
    const made = await enlarged(dualscale);
    const again = await ask(`${folder}/0.png?upscale=4`, { 'If-None-Match': etag });
    expect(again).toMatchObject({
      status: 304,
      model: 'edge-s-x4',
      why: 'size',
      etag,
      freshness: 'public, max-age=60',
    });
    // Nor for one that has the serving model's.
    const best = (await ask(`${folder}/19.png?upscale=4&sr_model=edge-x4`)).etag;
    expect(await enlarged(dualscale)).toBe(made + 1);
    expect((await ask(`${folder}/19.png?upscale=4&sr_model=edge-x4`, { 'If-None-Match': best })).status).toBe(304);
    expect(await enlarged(dualscale)).toBe(made + 1);
  });

  test('fills a box by a stand-in too', async () => {
    const { ask } = await start({ latencyObjectiveMs: NEVER_MET });
    const free = await start();
    const path = '/0.png?upscale=auto&w=380';
    const [answer, expected] = [await ask(path), await free.ask(path)];
    expect([answer.model, answer.why, expected.model]).toEqual(['edge-s-x4', 'size', 'edge-x4']);
    expect([(await pixelsOf(answer.body)).width, (await pixelsOf(expected.body)).width]).toEqual([380, 380]);
    expect(answer.etag).not.toBe(expected.etag);
    expect((await ask(path, { 'If-None-Match': answer.etag })).status).toBe(304);
    expect((await ask(path, { 'If-None-Match': expected.etag })).status).toBe(304);
  });

  test('is made by the serving model where no stand-in is allowed', async () => {
    const { dualscale, ask } = await start({ latencyObjectiveMs: NEVER_MET });
    dualscale.restrictFallbackModels(({ id }) => id !== 'edge-s-x4');
    expect(await ask('/0.png?upscale=4')).toMatchObject({ model: 'edge-x4', why: undefined });
  });
});

describe('under load', () => {
  /** An objective that a picture meets with two others before it, and not with many. */
  async function startTight() {
    const free = await start({ latencyObjectiveMs: ALWAYS_MET });
    const begin = performance.now();
    for (const i of [0, 1, 2]) await free.ask(`/${i}.png?upscale=4`);
    return start({ latencyObjectiveMs: Math.ceil(performance.now() - begin) });
  }

  test('what would be late is made by a stand-in, and by the serving model again when there is time', async () => {
    const { dualscale, ask } = await startTight();
    const answers = await Promise.all(sources.slice(0, 16).map((_, i) => ask(`/${i}.png?upscale=4`)));
    for (const { status, model, why } of answers) {
      expect(status).toBe(200);
      expect([
        ['edge-x4', undefined],
        ['edge-s-x4', 'load'],
      ]).toContainEqual([model, why]);
    }
    expect(new Set(answers.map(({ model }) => model))).toEqual(new Set(['edge-x4', 'edge-s-x4']));
    const counts = await values(dualscale, 'dualscale_model_choices_total');
    expect(counts['edge-s-x4 4 load']).toBe(answers.filter(({ why }) => why === 'load').length);
    const index = answers.findIndex(({ why }) => why === 'load');
    const again = () => ask(`/${index}.png?upscale=4`, { 'If-None-Match': answers[index]?.etag as string });
    let healed = await again();
    // The pace is that of the latest work: on a machine that others keep busy one picture more may have to show that there is time.
    for (let i = 16; i < sources.length && healed.status === 304; i++) {
      await ask(`/${i}.png?upscale=4`);
      healed = await again();
    }
    expect(healed).toMatchObject({ status: 200, model: 'edge-x4', why: undefined });
    expect(healed.etag).not.toBe(answers[index]?.etag);
  });

  test('equal requests join the better picture that is under way', async () => {
    const { dualscale, ask } = await startTight();
    const before = await enlarged(dualscale);
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask('/0.png?upscale=4')));
    expect(new Set(answers.map(({ model, why, etag }) => `${model} ${why} ${etag}`)).size).toBe(1);
    expect(answers[0]?.model).toBe('edge-x4');
    expect(await enlarged(dualscale)).toBe(before + 1);
  });
});

test.each([0, -1, Number.NaN, 600_001, '300'])('an objective of %s is refused by name', async (latencyObjectiveMs) => {
  await expect(createDualscale({ latencyObjectiveMs: latencyObjectiveMs as number })).rejects.toMatchObject({
    code: 'DS_BAD_OPTION',
    message: expect.stringContaining('latencyObjectiveMs'),
  });
});
