/** What docs/hosts.md recommends and no example shows: the Nuxt route, and nginx as a cache in front. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createApp, createRouter, defineEventHandler, toNodeListener, toWebRequest } from 'h3';
import { createIPX, createIPXFetchHandler, ipxFSStorage } from 'ipx4';
import sharp from 'sharp';
import { describe, expect, onTestFinished, test } from 'vitest';
import { withUpscale } from '../../../src/server/hosts/ipx.ts';
import { serve } from '../../helpers/http-host.ts';
import { image } from '../../helpers/plugin-fixture.ts';
import { NGINX_VERSION, startNginx } from './nginx.ts';
import { usePictures } from './pictures.ts';

const fixture = usePictures();

test('the route server/routes/_ipx/[...].ts of Nuxt: what <NuxtImg :modifiers="{ upscale: 4 }"> asks for', async () => {
  const ipx = withUpscale(createIPX({ storage: ipxFSStorage({ dir: fixture.folder }) }), fixture.dualscale);
  const handler = createIPXFetchHandler(ipx);
  const route = defineEventHandler((event) => {
    const { url, headers, signal } = toWebRequest(event);
    return handler(new Request(url.replace('/_ipx/', '/'), { headers, signal }));
  });
  const app = createApp().use(createRouter().get('/_ipx/**', route));
  const server = await serve(toNodeListener(app));
  const response = await fetch(`${server.url}/_ipx/upscale_4&f_webp&w_10/photo.png`);
  const { format, width } = await sharp(await response.arrayBuffer()).metadata();
  expect([response.status, format, width]).toEqual([200, 'webp', 40]);
  server.close();
});

describe.skipIf(NGINX_VERSION === undefined)('examples/nginx-cache.conf (skipped where nginx is not installed)', () => {
  test('asks once for a picture, however many come, and keeps no error', async () => {
    let asked = 0;
    const host = createServer((req, res) => {
      fixture.dualscale.middleware()(req, res, async () => {
        if (req.url?.startsWith('/cached/')) asked += 1;
        const body = await sharp({ create: { width: 30, height: 30, channels: 3, background: 'red' } })
          .png()
          .toBuffer();
        image(body, 'image/png', { ETag: '"a"', 'Cache-Control': 'public, max-age=60' })(req, res as never);
      });
    });
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
    const { port } = host.address() as { port: number };
    const recipe = readFileSync(new URL('../../../examples/nginx-cache.conf', import.meta.url), 'utf8');
    const nginx = await startNginx(fixture.folder, (home) =>
      recipe.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`).replaceAll('/var/cache/nginx', home),
    );
    onTestFinished(async () => {
      await nginx.close();
      host.close();
      host.closeAllConnections();
    });
    const get = (path: string, headers: Record<string, string> = {}) => fetch(`${nginx.url}${path}`, { headers });
    const first = await Promise.all(Array.from({ length: 5 }, () => get('/cached/a.png?upscale=4')));
    expect(first.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(asked).toBe(1);
    const hit = await get('/cached/a.png?upscale=4');
    expect([hit.headers.get('x-cache'), hit.headers.get('x-dualscale')]).toEqual(['HIT', 'model=nearest-x4; scale=4']);
    const etag = hit.headers.get('etag') as string;
    expect((await get('/cached/a.png?upscale=4', { 'If-None-Match': etag, 'Cache-Control': 'max-age=0' })).status).toBe(
      304,
    );
    expect(asked).toBe(1);
    for (let i = 0; i < 2; i++) expect((await get('/cached/a.png?upscale=5')).headers.get('x-cache')).toBe('MISS');
  });

  test('says who asked, and passes neither jobs, dashboard nor measurements on', async () => {
    const asked: (string | undefined)[] = [];
    const host = await serve((req, res) => {
      asked.push(req.url);
      res.end(req.headers['x-forwarded-for']);
    });
    const recipe = readFileSync(new URL('../../../examples/nginx-cache.conf', import.meta.url), 'utf8');
    const nginx = await startNginx(fixture.folder, (home) =>
      recipe.replaceAll('127.0.0.1:8080', new URL(host.url).host).replaceAll('/var/cache/nginx', home),
    );
    onTestFinished(async () => {
      await nginx.close();
      host.close();
    });
    expect(await (await fetch(`${nginx.url}/metrics.png`)).text()).toBe('127.0.0.1');
    asked.length = 0;
    const closed = ['/metrics', '/METRICS/', '/metrics?x', '/dualscale', '/dualscale/', '/dualscale/api/status'];
    for (const path of [
      ...closed,
      '//dualscale/api/status',
      '/%64ualscale/api/status',
      '/x/..%2Fdualscale/api/status',
    ]) {
      expect([path, (await fetch(`${nginx.url}${path}`)).status]).toEqual([path, 404]);
    }
    expect(asked).toEqual([]);
  });
});
