import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { encoder, pixelsOf, testPixels } from '../../helpers/http-host.ts';
import { repeatPixels } from '../../helpers/nearest-models.ts';
import { HEIGHT, image, usePlugin, WIDTH } from '../../helpers/plugin-fixture.ts';

const plugin = usePlugin();

describe('a picture with ?upscale', () => {
  test.each([2, 4])('x%d comes back as the network makes it, losslessly for PNG', async (scale) => {
    const url = await plugin.behind(image(plugin.png));
    const response = await fetch(`${url}/a.png?upscale=${scale}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(response.headers.get('x-dualscale')).toBe(`model=nearest-x${scale}; scale=${scale}`);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const body = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get('content-length')).toBe(String(body.length));
    expect(await pixelsOf(body)).toEqual(repeatPixels(testPixels(WIDTH, HEIGHT), scale));
  });

  test.each([
    ['jpeg', 'image/jpeg', 'jpeg', undefined],
    ['jpeg', 'image/jpg', 'jpeg', undefined],
    ['webp', 'image/webp; charset=binary', 'webp', undefined],
    ['avif', 'IMAGE/AVIF', 'heif', 'av1'],
  ] as const)('%s, served as %s, keeps its format', async (format, type, found, compression) => {
    const body = await encoder(WIDTH, HEIGHT).toFormat(format, { quality: 95 }).toBuffer();
    const url = await plugin.behind(image(body, type));
    const response = await fetch(`${url}/a?upscale=4`);
    expect(response.headers.get('content-type')).toBe(`image/${format}`);
    const metadata = await sharp(await response.arrayBuffer()).metadata();
    const { width, height } = metadata;
    expect({ format: metadata.format, compression: metadata.compression, width, height }).toEqual({
      format: found,
      compression,
      width: WIDTH * 4,
      height: HEIGHT * 4,
    });
  });

  test('alpha is kept', async () => {
    const transparent = await encoder(WIDTH, HEIGHT).ensureAlpha(0).png().toBuffer();
    const url = await plugin.behind(image(transparent));
    const pixels = await pixelsOf(Buffer.from(await (await fetch(`${url}/a?upscale=2`)).arrayBuffer()));
    expect(pixels.channels).toBe(4);
    expect(pixels.data.filter((_, i) => i % 4 === 3).every((alpha) => alpha === 0)).toBe(true);
  });

  test('orientation is kept: a picture stored on its side comes back upright', async () => {
    const sideways = await encoder(WIDTH, HEIGHT).withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
    const url = await plugin.behind(image(sideways, 'image/jpeg'));
    const body = await (await fetch(`${url}/a?upscale=2`)).arrayBuffer();
    const { width, height, orientation = 1 } = await sharp(body).metadata();
    expect([width, height, orientation]).toEqual([HEIGHT * 2, WIDTH * 2, 1]);
  });

  test("the host's policy headers stay, what is true of its bytes alone goes", async () => {
    const kept = {
      'Cache-Control': 'public, max-age=77',
      Vary: 'Accept',
      'Content-Security-Policy': "default-src 'none'",
      'Access-Control-Allow-Origin': '*',
    };
    const dropped = {
      'Last-Modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
      'Accept-Ranges': 'bytes',
      'Content-MD5': 'x',
      Digest: 'sha-256=x',
      'Content-Digest': 'sha-256=:x:',
    };
    const url = await plugin.behind(
      // A picture of its own: one that another test asked for would come from the cache, without these stages.
      image(await encoder(21, 13).png().toBuffer(), 'image/png', {
        ...kept,
        ...dropped,
        ETag: '"host"',
        'Server-Timing': 'db;dur=1',
      }),
    );
    const { headers } = await fetch(`${url}/a?upscale=2`);
    for (const [name, value] of Object.entries(kept)) expect(headers.get(name)).toBe(value);
    for (const name of Object.keys(dropped)) expect([name, headers.get(name)]).toEqual([name, null]);
    expect(headers.get('etag')).toMatch(/^W\/"ds-/);
    expect(headers.get('server-timing')).toMatch(
      /^db;dur=1, host;dur=[\d.]+, queue;dur=[\d.]+, decode;dur=[\d.]+, infer;dur=[\d.]+, encode;dur=[\d.]+$/,
    );
  });

  test('a host that streams in many small writes with a flat header array is understood', async () => {
    const url = await plugin.behind((_req, res) => {
      res.writeHead(200, 'OK', ['content-type', 'image/png', 'etag', '"flat"'] as never);
      for (let i = 0; i < plugin.png.length; i += 7) res.write(plugin.png.subarray(i, i + 7));
      res.end();
    });
    const response = await fetch(`${url}/a.png?upscale=2`);
    const pixels = await pixelsOf(Buffer.from(await response.arrayBuffer()));
    expect([pixels.width, pixels.height]).toEqual([WIDTH * 2, HEIGHT * 2]);
    expect(response.headers.get('etag')).toMatch(/^W\/"ds-/);
  });
});

test('the connection stays usable after every kind of answer', async () => {
  const url = await plugin.behind((req, res) => {
    if (req.url?.startsWith('/no')) res.writeHead(404).end();
    else image(plugin.png)(req, res as never);
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const statuses: unknown[] = [];
  for (const path of ['/a?upscale=2', '/no?upscale=2', '/a?upscale=9', '/a', '/a?upscale=4']) {
    const [res] = (await once(request(`${url}${path}`, { agent }).end(), 'response')) as [IncomingMessage];
    await once(res.resume(), 'end');
    statuses.push(res.statusCode);
  }
  agent.destroy();
  expect(statuses).toEqual([200, 404, 400, 200, 200]);
});

test('equal pictures asked for together are enlarged once', async () => {
  const before = await inferCount();
  const url = await plugin.behind(image(await encoder(64, 33).png().toBuffer()));
  const responses = await Promise.all(['a', 'b', 'c'].map((name) => fetch(`${url}/${name}?upscale=4`)));
  const bodies = await Promise.all(responses.map(async (response) => Buffer.from(await response.arrayBuffer())));
  expect(bodies.every((body) => body.equals(bodies[0]))).toBe(true);
  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200]);
  // Shared work is told to each client with the same times; a second run would differ.
  const timings = responses.map(
    ({ headers }) => /infer;dur=[\d.]+, encode;dur=[\d.]+/.exec(headers.get('server-timing') ?? '')?.[0],
  );
  expect(new Set(timings).size).toBe(1);
  expect(await inferCount()).toBe(before + 1);
});

async function inferCount() {
  const text = await plugin.dualscale.registry.metrics();
  return Number(/dualscale_stage_duration_seconds_count\{stage="infer"\} (\d+)/.exec(text)?.[1] ?? 0);
}
