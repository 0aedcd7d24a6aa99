import type { RequestListener, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { createMiddleware } from '../../../src/server/http/middleware.ts';
import { PictureCore } from '../../../src/server/http/picture-core.ts';
import { createMetrics } from '../../../src/server/metrics/metrics.ts';
import type { Dualscale } from '../../../src/server/plugin.ts';
import { serveBehind } from '../../helpers/http-host.ts';
import { image, usePlugin } from '../../helpers/plugin-fixture.ts';

const plugin = usePlugin({ limits: { maxInputBytes: 20_000, maxInputPixels: 10_000, maxOutputPixels: 100_000 } });

async function outcomes(): Promise<Record<string, number>> {
  const metric = await plugin.dualscale.registry.getSingleMetric('dualscale_requests_total')?.get();
  return Object.fromEntries((metric?.values ?? []).map(({ labels, value }) => [labels['outcome'], value]));
}

describe('refusals', () => {
  const hostHeaders = { ETag: '"h"', 'Cache-Control': 'public, max-age=99', 'Last-Modified': 'x', Expires: 'y' };

  async function refused(host: RequestListener, status: number, code: string, served?: Pick<Dualscale, 'middleware'>) {
    const response = await fetch(`${await plugin.behind(host, served)}/secret/path.png?upscale=4`);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    for (const name of ['etag', 'last-modified', 'expires']) expect(response.headers.get(name)).toBeNull();
    const text = await response.text();
    const problem = JSON.parse(text) as { title: string; detail?: string };
    expect(problem).toMatchObject({
      type: expect.stringMatching(/^urn:dualscale:error:[a-z-]+$/),
      code,
      status,
      title: expect.any(String),
    });
    expect(text).not.toMatch(/secret|node_modules|\.ts|\bat /);
    return [problem.title, problem.detail].filter(Boolean).join(' ');
  }

  test('more bytes than allowed, announced', async () => {
    const host: RequestListener = (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'image/png', 'Content-Length': '20001', ...hostHeaders }).flushHeaders();
    };
    expect(await refused(host, 413, 'DS_INPUT_TOO_LARGE')).toContain('20000');
  });

  test('more bytes than allowed, streamed without an end', async () => {
    const host: RequestListener = (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'image/png', ...hostHeaders });
      const timer = setInterval(() => res.write(Buffer.alloc(5000)), 1);
      res.on('close', () => clearInterval(timer));
    };
    expect(await refused(host, 413, 'DS_INPUT_TOO_LARGE')).toContain('20000');
  });

  test('more pixels than allowed, few bytes', async () => {
    const flat = await sharp({ create: { width: 200, height: 51, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    expect(await refused(image(flat, 'image/png', hostHeaders), 413, 'DS_INPUT_TOO_LARGE')).toContain('10000');
  });

  test('an output larger than allowed', async () => {
    const flat = await sharp({ create: { width: 80, height: 80, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    expect(await refused(image(flat, 'image/png', hostHeaders), 413, 'DS_OUTPUT_TOO_LARGE')).toContain('100000');
  });

  test('a damaged picture', async () => {
    await refused(image(plugin.png.subarray(0, plugin.png.length - 30), 'image/png', hostHeaders), 422, 'DS_BAD_IMAGE');
  });

  test('a plugin that was closed answers 503, not a hanging request', async () => {
    const closed = await plugin.create();
    await closed.close();
    const response = await fetch(`${await plugin.behind(image(plugin.png), closed)}/a?upscale=4`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'DS_CLOSING' });
  });

  test('an unforeseen failure is a 500 that names nothing to the client and everything to the log', async () => {
    const logged: unknown[] = [];
    const failure = new Error('cannot open /secret/path');
    const core = new PictureCore({
      models: plugin.dualscale.core.deps.models,
      pictures: {
        peek: () => undefined,
        choose: async (_, { model }) => ({ model }),
        enlarge: () => Promise.reject(failure),
      },
      admission: { reserve: () => () => {}, retryAfterSeconds: () => 1 },
      encoding: '',
      meter: createMetrics(),
      onRequest: () => {},
      maxInputBytes: 1e6,
      now: () => 0,
      unixMs: () => 0,
      onFailure: (error: unknown) => logged.push(error),
      onLimit: 'reject',
      onError: 'fail',
      onBadParameter: 'reject',
      signing: undefined,
      deadlineMs: 60_000,
    });
    const host = image(plugin.png, 'image/png', hostHeaders);
    const message = await refused(host, 500, 'DS_ENGINE', { middleware: () => createMiddleware(core) });
    expect(message).toBe('The image could not be upscaled.');
    expect(logged).toEqual([failure]);
  });
});

describe('a client that leaves', () => {
  test('ends the work: the request counts as aborted and its place is free again', async () => {
    let arrived = () => {};
    const isThere = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const url = await plugin.behind((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'image/png' });
      res.write(plugin.png.subarray(0, 20));
      arrived();
    });
    const before = (await outcomes())['aborted'] ?? 0;
    const controller = new AbortController();
    const response = fetch(`${url}/a?upscale=4`, { signal: controller.signal });
    await isThere;
    controller.abort();
    await expect(response).rejects.toThrow();
    for (let i = 0; i < 50 && ((await outcomes())['aborted'] ?? 0) === before; i++) await sleep(10);
    expect((await outcomes())['aborted']).toBe(before + 1);
    const inflight = await plugin.dualscale.registry.getSingleMetric('dualscale_inflight')?.get();
    expect(inflight?.values[0]?.value).toBe(0);
  });
});

describe('overload', () => {
  test('beyond concurrency and queue: 503 with Retry-After, the others are served', async () => {
    const narrow = await plugin.create({ concurrency: 1, queueLimit: 1 });
    const held: ServerResponse[] = [];
    const server = await serveBehind(narrow.middleware(), (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'image/png' });
      res.write(plugin.png.subarray(0, 20));
      held.push(res);
    });
    const waiting = [0, 1].map((i) => fetch(`${server.url}/${i}?upscale=2`));
    while (held.length < 2) await sleep(5);
    const refused = await fetch(`${server.url}/2?upscale=2`);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await refused.json()).toMatchObject({ code: 'DS_BUSY' });
    for (const res of held) res.end(plugin.png.subarray(20));
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
    const after = fetch(`${server.url}/3?upscale=2`);
    while (held.length < 4) await sleep(5);
    held[3].end(plugin.png.subarray(20));
    expect((await after).status).toBe(200);
    server.close();
    await narrow.close();
  });
});
