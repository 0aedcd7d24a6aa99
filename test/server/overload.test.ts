import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { DualscaleOptions } from '../../src/server/options.ts';
import { createDualscale, type Dualscale } from '../../src/server/plugin.ts';
import { encoder, serveBehind } from '../helpers/http-host.ts';
import { type ModelsFolder, publishNearestModels } from '../helpers/nearest-models.ts';
import { image } from '../helpers/plugin-fixture.ts';

let folder: ModelsFolder;
let sources: Buffer[];

beforeAll(async () => {
  // Some tens of milliseconds for a picture on one core.
  folder = await publishNearestModels([2, 4], { featureCount: 32, blocks: 4 });
  sources = await Promise.all(
    Array.from({ length: 24 }, (_, i) =>
      encoder(96 + i, 96)
        .png()
        .toBuffer(),
    ),
  );
});

afterAll(() => folder.remove());

async function start(options: DualscaleOptions) {
  const dualscale = await createDualscale({ modelsDir: folder.directory, provider: 'cpu', workers: 1, ...options });
  const health = dualscale.health();
  const server = await serveBehind(
    (req, res, next) => health(req, res, () => dualscale.middleware()(req, res, next)),
    (req, res) => image(sources[Number(/\d+/.exec(req.url ?? '')?.[0])] as Buffer)(req, res),
  );
  onTestFinished(async () => {
    server.close();
    await dualscale.close();
  });
  return { dualscale, url: server.url };
}

async function ask(url: string) {
  const begin = performance.now();
  const response = await fetch(url);
  const body = Buffer.from(await response.arrayBuffer());
  const code = response.ok ? undefined : (JSON.parse(body.toString()) as { code: string }).code;
  return {
    status: response.status,
    code,
    retryAfter: response.headers.get('retry-after'),
    ms: performance.now() - begin,
  };
}

const askAll = (url: string, count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => ask(`${url}/${i}?upscale=4`)));

async function counted({ registry }: Dualscale, name: string): Promise<number> {
  const values = (await registry.getSingleMetric(name)?.get())?.values ?? [];
  return values.reduce((sum, { value }) => sum + value, 0);
}

describe('the deadline', () => {
  test('a picture that cannot be ready in time is a 503 with Retry-After, those in time are served', async () => {
    const { dualscale, url } = await start({ concurrency: 1, queueLimit: 40 });
    await dualscale.warmUp();
    // The quickest of some: a machine that is busy with other things would make the deadline one that all can meet.
    const times: number[] = [];
    for (let i = 1; i <= 5; i++) times.push((await ask(`${url}/${i}?upscale=4`)).ms);
    const one = Math.min(...times);
    const tight = await start({ concurrency: 1, queueLimit: 40, deadlineMs: Math.max(100, Math.round(one * 6)) });
    await tight.dualscale.warmUp();
    expect((await ask(`${tight.url}/0?upscale=4`)).status).toBe(200);
    const answers = await askAll(tight.url, 24);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(24);
    for (const { status, code, retryAfter } of refused) {
      expect(status).toBe(503);
      expect(['DS_BUSY', 'DS_DEADLINE']).toContain(code);
      expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
    }
    expect(await counted(tight.dualscale, 'dualscale_queue_depth')).toBe(0);
    expect(await counted(tight.dualscale, 'dualscale_queue_cost_gigamacs')).toBe(0);
  });

  test('cost bounds the queue: small work is taken where large work is not', async () => {
    const { url } = await start({ concurrency: 1, queueLimit: 40, queueCost: 0.001 });
    const statuses = (await askAll(url, 6)).map(({ status }) => status);
    // One runs, one waits whatever it costs, the others would make it more than is allowed.
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(2);
    expect(statuses.filter((status) => status === 503).length).toBeGreaterThanOrEqual(1);
  });
});

describe('closing', () => {
  test('what is there ends within drainMs, what comes is refused, and health tells', async () => {
    const { dualscale, url } = await start({ concurrency: 1 });
    expect([(await fetch(`${url}/livez`)).status, (await fetch(`${url}/readyz`)).status]).toEqual([200, 200]);
    const early = askAll(url, 5);
    while ((await counted(dualscale, 'dualscale_queue_depth')) < 4) await sleep(2);
    const closed = dualscale.close({ drainMs: 60_000 });
    const late = await ask(`${url}/9?upscale=4`);
    expect([late.status, late.code]).toEqual([503, 'DS_CLOSING']);
    expect([(await fetch(`${url}/livez`)).status, (await fetch(`${url}/readyz`)).status]).toEqual([200, 503]);
    expect((await early).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    await closed;
  });

  test('without draining what waits is a 503, and nothing hangs', async () => {
    const { dualscale, url } = await start({ concurrency: 1 });
    const asked = askAll(url, 5);
    while ((await counted(dualscale, 'dualscale_queue_depth')) < 4) await sleep(2);
    await dualscale.close();
    for (const { status } of await asked) expect([200, 503]).toContain(status);
  });
});

test('clamped: where the asked scale is too much the largest that fits is given, and said', async () => {
  const limits = { maxOutputPixels: 60_000 };
  const { url, dualscale } = await start({ limits, onLimit: 'clamp' });
  const clamped = await fetch(`${url}/0?upscale=4`);
  expect(clamped.status).toBe(200);
  expect(Buffer.from(await clamped.arrayBuffer()).readUInt32BE(16)).toBe(192);
  expect(clamped.headers.get('x-dualscale')).toContain('model=nearest-x2');
  const again = await dualscale.upscale(sources[0] as Buffer, { scale: 4 });
  expect(again).toMatchObject({ cache: 'hit', scale: 2, requestedScale: 4, modelId: 'nearest-x2' });
});

test('a client that leaves frees its slot at once, also while it waits', async () => {
  const { url, dualscale } = await start({ concurrency: 1 });
  const leaving = [0, 1, 2, 3].map((i) => {
    const controller = new AbortController();
    return { controller, answer: fetch(`${url}/${i}?upscale=4`, { signal: controller.signal }).catch(() => 'left') };
  });
  while ((await counted(dualscale, 'dualscale_queue_depth')) < 3) await sleep(2);
  for (const { controller } of leaving) controller.abort();
  await Promise.all(leaving.map(({ answer }) => answer));
  while ((await counted(dualscale, 'dualscale_queue_depth')) + (await counted(dualscale, 'dualscale_running')) > 0)
    await sleep(2);
  expect((await ask(`${url}/5?upscale=4`)).status).toBe(200);
});
