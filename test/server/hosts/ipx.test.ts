import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { createIPX, createIPXNodeServer, ipxFSStorage } from 'ipx';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encoder, pixelsOf, serve, type TestServer, testPixels } from '../../helpers/http-host.ts';
import { repeatPixels } from '../../helpers/nearest-models.ts';
import { HEIGHT, usePlugin, WIDTH } from '../../helpers/plugin-fixture.ts';

const plugin = usePlugin();
let folder: string;
let server: TestServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-ipx-'));
  await writeFile(join(folder, 'a.png'), plugin.png);
  await writeFile(join(folder, 'alpha.png'), await encoder(WIDTH, HEIGHT).ensureAlpha(0.5).png().toBuffer());
  await writeFile(join(folder, 'a.svg'), '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  const ipx = createIPX({ storage: ipxFSStorage({ dir: folder }), maxAge: 60 });
  server = await serve(express().use('/_ipx', plugin.dualscale.middleware(), createIPXNodeServer(ipx)));
});

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${server.url}/_ipx${path}`, { headers, method });

describe('IPX 3.1.1 through Express', () => {
  // IPX takes a query string for a part of the file's name and answers 403.
  test('the parameter is gone before IPX looks at the path', async () => {
    const response = await get('/_/a.png?upscale=4');
    expect(response.status).toBe(200);
    const pixels = await pixelsOf(Buffer.from(await response.arrayBuffer()));
    expect(pixels).toEqual(repeatPixels(testPixels(WIDTH, HEIGHT), 4));
    expect((await get('/_/a.png?other=4')).status).toBe(403);
  });

  test('IPX resizes and converts first, then the result is enlarged in its format', async () => {
    const response = await get('/w_10,f_webp/a.png?upscale=4');
    expect(response.headers.get('content-type')).toBe('image/webp');
    expect(response.headers.get('cache-control')).toBe('max-age=60, public, s-maxage=60');
    expect(response.headers.get('content-security-policy')).toBe("default-src 'none'");
    const { format, width } = await sharp(await response.arrayBuffer()).metadata();
    expect([format, width]).toEqual(['webp', 40]);
  });

  test('a format negotiated by Accept is kept, with its Vary and an ETag of its own', async () => {
    const [avif, webp] = await Promise.all(
      ['image/avif', 'image/webp'].map((accept) => get('/f_auto/a.png?upscale=2', { Accept: accept })),
    );
    for (const [response, type] of [
      [avif, 'image/avif'],
      [webp, 'image/webp'],
    ] as const) {
      expect(response.headers.get('content-type')).toBe(type);
      expect(response.headers.get('vary')).toContain('Accept');
    }
    expect(avif.headers.get('etag')).not.toBe(webp.headers.get('etag'));
    const { format, compression } = await sharp(await avif.arrayBuffer()).metadata();
    expect([format, compression]).toEqual(['heif', 'av1']);
  });

  test('alpha goes all the way', async () => {
    const { channels } = await pixelsOf(Buffer.from(await (await get('/_/alpha.png?upscale=2')).arrayBuffer()));
    expect(channels).toBe(4);
  });

  test("IPX' ETag makes ours, and ours a 304", async () => {
    const etag = (await get('/_/a.png?upscale=2')).headers.get('etag') as string;
    expect((await get('/_/a.png?upscale=2', { 'If-None-Match': etag })).status).toBe(304);
    expect((await get('/_/a.png?upscale=4', { 'If-None-Match': etag })).status).toBe(200);
  });

  test('SVG is left alone; errors of IPX arrive as they are', async () => {
    const svg = await get('/_/a.svg?upscale=2');
    expect([svg.status, svg.headers.get('x-dualscale')]).toEqual([200, 'skipped; reason=svg']);
    const missing = await get('/_/none.png?upscale=2');
    expect(missing.status).toBe(404);
    expect(await missing.text()).toContain('IPX_FILE_NOT_FOUND');
  });

  test('HEAD', async () => {
    const head = await get('/_/a.png?upscale=2', {}, 'HEAD');
    expect([head.status, head.headers.get('content-length')]).toEqual([200, null]);
    expect(head.headers.get('etag')).toMatch(/^W\/"ds-/);
  });
});
