import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encoder, pixelsOf, plainGet, serve, type TestServer, testPixels } from '../../helpers/http-host.ts';
import { repeatPixels } from '../../helpers/nearest-models.ts';
import { HEIGHT, usePlugin, WIDTH } from '../../helpers/plugin-fixture.ts';

const plugin = usePlugin();
let folder: string;
let server: TestServer;
const originalUrls: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-static-'));
  await writeFile(join(folder, 'a.png'), plugin.png);
  await writeFile(join(folder, 'a.avif'), await encoder(WIDTH, HEIGHT).avif({ quality: 90 }).toBuffer());
  await writeFile(join(folder, 'page.html'), '<p>not a picture</p>');
  const app = express();
  app.use('/media', plugin.dualscale.middleware(), (req, _res, next) => {
    originalUrls.push(req.originalUrl);
    expect(req.query).not.toHaveProperty('upscale');
    next();
  });
  app.use('/media', express.static(folder));
  app.use('/sent', plugin.dualscale.middleware(), (_req, res) => res.type('png').send(plugin.png));
  app.use('/broken', plugin.dualscale.middleware(), () => {
    throw new Error('the host fails');
  });
  app.set('env', 'test');
  server = await serve(app);
});

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${server.url}${path}`, { headers, method, redirect: 'manual' });

describe('express.static on Express 5', () => {
  test('a mounted folder is enlarged, and Express keeps the URL the client sent', async () => {
    const response = await get('/media/a.png?upscale=4');
    expect(response.status).toBe(200);
    const pixels = await pixelsOf(Buffer.from(await response.arrayBuffer()));
    expect(pixels).toEqual(repeatPixels(testPixels(WIDTH, HEIGHT), 4));
    expect(originalUrls.at(-1)).toBe('/media/a.png?upscale=4');
    expect(response.headers.get('cache-control')).toBe('public, max-age=0');
  });

  test('AVIF comes back as AVIF', async () => {
    const response = await get('/media/a.avif?upscale=2');
    expect(response.headers.get('content-type')).toBe('image/avif');
    const { format, compression, width } = await sharp(await response.arrayBuffer()).metadata();
    expect([format, compression, width]).toEqual(['heif', 'av1', WIDTH * 2]);
  });

  test('a byte range of the small file is never asked for: the whole picture is enlarged', async () => {
    const response = await get('/media/a.png?upscale=2', { Range: 'bytes=0-10' });
    expect(response.status).toBe(200);
    expect(response.headers.get('accept-ranges')).toBeNull();
    expect(response.headers.get('content-range')).toBeNull();
    const { width } = await sharp(await response.arrayBuffer()).metadata();
    expect(width).toBe(WIDTH * 2);
  });

  test("a date of the host's file does not make a 304 of a picture that depends on a model as well", async () => {
    const path = `${server.url}/media/a.png`;
    const since = (await plainGet(path)).headers['last-modified'] as string;
    expect((await plainGet(path, { 'If-Modified-Since': since })).status).toBe(304);
    const enlarged = await plainGet(`${path}?upscale=2`, { 'If-Modified-Since': since });
    expect([enlarged.status, enlarged.headers['last-modified']]).toEqual([200, undefined]);
  });

  test('our ETag is answered with 304, the one of the small file is not', async () => {
    const path = `${server.url}/media/a.png`;
    const small = (await plainGet(path)).headers.etag as string;
    const enlarged = (await plainGet(`${path}?upscale=2`)).headers.etag as string;
    expect((await plainGet(path, { 'If-None-Match': small })).status).toBe(304);
    expect((await plainGet(`${path}?upscale=2`, { 'If-None-Match': small })).status).toBe(200);
    expect((await plainGet(`${path}?upscale=2`, { 'If-None-Match': enlarged })).status).toBe(304);
  });

  test('HEAD has the headers of GET, and no length', async () => {
    const head = await get('/media/a.png?upscale=2', {}, 'HEAD');
    const whole = await get('/media/a.png?upscale=2');
    expect([head.status, head.headers.get('content-length')]).toEqual([200, null]);
    expect(head.headers.get('etag')).toBe(whole.headers.get('etag'));
  });

  test('a missing file, a page and a folder redirect are as without the plugin', async () => {
    expect((await get('/media/none.png?upscale=4')).status).toBe(404);
    const page = await get('/media/page.html?upscale=4');
    expect(await page.text()).toBe('<p>not a picture</p>');
    expect(page.headers.get('etag')).not.toBeNull();
    expect((await get('/media?upscale=4')).headers.get('location')).toBe('/media/?upscale=4');
  });

  test('ranges and everything else work without the parameter', async () => {
    const response = await get('/media/a.png', { Range: 'bytes=0-10' });
    expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([206, 11]);
  });

  test('res.send is enlarged too', async () => {
    const { width } = await sharp(await (await get('/sent?upscale=4')).arrayBuffer()).metadata();
    expect(width).toBe(WIDTH * 4);
  });

  test("a host that throws is answered by Express' own error handler", async () => {
    const response = await get('/broken?upscale=4');
    expect(response.status).toBe(500);
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(response.headers.get('x-dualscale')).toBeNull();
  });
});
