/** What becomes of pictures beyond the limits, of failures, and of hosts that take too long. */
import type { RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dualscale } from '../../../src/server/plugin.ts';
import { encoder } from '../../helpers/http-host.ts';
import { image, usePlugin } from '../../helpers/plugin-fixture.ts';

const limits = { maxInputBytes: 20_000, maxInputPixels: 10_000, maxOutputPixels: 50_000 };
const plugin = usePlugin({ limits });
const hostHeaders = {
  ETag: '"h"',
  'Cache-Control': 'public, max-age=99',
  'Last-Modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
};

const flat = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'red' } })
    .png()
    .toBuffer();

function useVariant(options: Parameters<typeof plugin.create>[0]) {
  let variant: Dualscale;
  beforeAll(async () => {
    variant = await plugin.create(options);
  });
  afterAll(() => variant.close());
  return {
    ask: async (host: RequestListener, query = 'upscale=4', init: RequestInit = {}) =>
      fetch(`${await plugin.behind(host, variant)}/a.png?${query}`, init),
    get plugin() {
      return variant;
    },
  };
}

describe("onLimit 'passthrough': the host's own picture, to be kept as the host says", () => {
  const { ask } = useVariant({ onLimit: 'passthrough' });

  test.each([
    ['too many pixels', () => flat(200, 51)],
    ['too many for the output', () => flat(80, 80)],
    ['too many bytes', () => encoder(99, 99).sharpen().png({ compressionLevel: 0 }).toBuffer()],
  ])('%s', async (_name, make) => {
    const body = await make();
    const response = await ask(image(body, 'image/png', hostHeaders));
    expect([response.status, response.headers.get('x-dualscale')]).toEqual([200, 'skipped; reason=too-large']);
    for (const [name, value] of Object.entries(hostHeaders)) expect(response.headers.get(name)).toBe(value);
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
  });

  test('bytes without an end are passed on as they come, not kept', async () => {
    const response = await ask((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'image/png' });
      const timer = setInterval(() => res.write(Buffer.alloc(5000, 7)), 1);
      res.on('close', () => clearInterval(timer));
    });
    expect(response.headers.get('x-dualscale')).toBe('skipped; reason=too-large');
    let size = 0;
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      expect(chunk.every((byte) => byte === 7)).toBe(true);
      size += chunk.length;
      if (size > 200_000) break;
    }
    expect(size).toBeGreaterThan(200_000);
  });

  test('a damaged picture is still an error: that is another policy', async () => {
    expect((await ask(image((await flat(9, 9)).subarray(0, 40)))).status).toBe(422);
  });
});

describe("onLimit 'clamp': the largest scale that fits", () => {
  const { ask } = useVariant({ onLimit: 'clamp' });

  test('a smaller scale, and the header says which was asked for', async () => {
    const response = await ask(image(await flat(80, 80)));
    expect(response.headers.get('x-dualscale')).toBe('model=nearest-x2; scale=2; asked=4');
    expect((await sharp(Buffer.from(await response.arrayBuffer())).metadata()).width).toBe(160);
  });

  test('where none fits, the host’s own', async () => {
    const response = await ask(image(await flat(200, 51)));
    expect([response.status, response.headers.get('x-dualscale')]).toEqual([200, 'skipped; reason=too-large']);
  });
});

describe("onError 'passthrough': the host's own picture, which no cache may keep", () => {
  const variant = useVariant({ onError: 'passthrough', concurrency: 1, queueLimit: 0 });

  const expectPassed = async (response: Response, body: Buffer, reason: string) => {
    expect([response.status, response.headers.get('x-dualscale')]).toEqual([200, `skipped; reason=${reason}`]);
    expect(response.headers.get('cache-control')).toBe('no-store');
    for (const name of ['etag', 'last-modified', 'expires']) expect(response.headers.get(name)).toBeNull();
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
  };

  test('a damaged one: whoever looks at it sees what the host has', async () => {
    const body = (await flat(50, 50)).subarray(0, 60);
    await expectPassed(await variant.ask(image(body, 'image/png', hostHeaders)), body, 'bad-image');
  });

  test('limits are another policy', async () => {
    expect((await variant.ask(image(await flat(200, 51)))).status).toBe(413);
  });

  test('too many at once', async () => {
    const body = await flat(20, 20);
    let release = () => {};
    const held = variant.ask((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'image/png' }).write(body.subarray(0, 20));
      release = () => void res.end(body.subarray(20));
    });
    await sleep(50);
    await expectPassed(await variant.ask(image(body, 'image/png', hostHeaders)), body, 'busy');
    release();
    expect((await held).headers.get('x-dualscale')).toBe('model=nearest-x4; scale=4');
  });
});

describe('a host that takes longer than the deadline', () => {
  const { ask } = useVariant({ onError: 'passthrough', deadlineMs: 300 });
  const hosts: Readonly<Record<string, RequestListener>> = {
    'says nothing': () => {},
    'stops in the middle': (_req, res) => void res.writeHead(200, { 'Content-Type': 'image/png' }).write('x'),
  };

  test.each(Object.keys(hosts))('and %s: a 503, there is nothing to pass on', async (name) => {
    const response = await ask(hosts[name] as RequestListener);
    expect([response.status, response.headers.get('cache-control')]).toEqual([503, 'no-store']);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await response.json()).toMatchObject({ code: 'DS_DEADLINE' });
  });
});

test('every outcome is counted, and nothing stays in flight', async () => {
  const ask = async (host: RequestListener) => fetch(`${await plugin.behind(host)}/a.png?upscale=4`);
  await ask(image(await flat(9, 9)));
  await ask(image(await flat(200, 51)));
  const metric = await plugin.dualscale.registry.getSingleMetric('dualscale_requests_total')?.get();
  const counts = Object.fromEntries((metric?.values ?? []).map(({ labels, value }) => [labels['outcome'], value]));
  expect(counts).toMatchObject({ upscaled: 1, rejected: 1 });
  const inflight = await plugin.dualscale.registry.getSingleMetric('dualscale_inflight')?.get();
  expect(inflight?.values[0]?.value).toBe(0);
});
