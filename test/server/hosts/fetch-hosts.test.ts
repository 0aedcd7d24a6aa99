/** Fetch handlers: Hono, h3 1 and 2, srvx. */
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { serveStatic as honoFiles } from '@hono/node-server/serve-static';
import { createApp, defineEventHandler, serveStatic as h3Files, toWebHandler } from 'h3';
import { defineHandler, H3, serveStatic as h3v2Files, serve as serveH3 } from 'h3v2';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { withUpscale } from '../../../src/server/hosts/fetch.ts';
import { describeContract, type RunningHost } from './contract.ts';
import { usePictures } from './pictures.ts';
import { versionOf } from './versions.ts';

const fixture = usePictures();
const path = (file: string, upscale?: string) => `/${file}${upscale === undefined ? '' : `?upscale=${upscale}`}`;
const TYPES: Readonly<Record<string, string>> = { '.png': 'png', '.jpg': 'jpeg', '.webp': 'webp', '.svg': 'svg+xml' };

async function listen(fetch: (request: Request) => Response | Promise<Response>): Promise<RunningHost> {
  // Its own global `Response` would reach srvx, which runs in this process too and does not expect it.
  const server = createAdaptorServer({ fetch, overrideGlobalObjects: false }) as Server;
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** What both versions of h3 ask for a static folder. */
const filesOf = (folder: string) => ({
  getContents: (id: string) => readFile(join(folder, id)) as Promise<Buffer<ArrayBuffer>>,
  async getMeta(id: string) {
    const stats = await stat(join(folder, id)).catch(() => undefined);
    if (!stats?.isFile()) return undefined;
    const type = `image/${TYPES[extname(id)]}`;
    return { type, size: stats.size, mtime: stats.mtimeMs, etag: `"${stats.size}-${stats.mtimeMs}"` };
  },
});

describeContract(
  {
    name: `hono ${versionOf('hono')} on @hono/node-server ${versionOf('@hono/node-server')}`,
    start(folder, dualscale) {
      const app = new Hono();
      app.use('*', async (c, next) => {
        await next();
        // Hono's static files have no validator of their own.
        if (c.res.status === 200) c.res.headers.set('ETag', `"${c.req.path}"`);
      });
      app.use('*', honoFiles({ root: folder }));
      return listen(withUpscale(app.fetch, dualscale));
    },
    path,
  },
  fixture,
);

describeContract(
  {
    name: `h3 ${versionOf('h3')}`,
    start(folder, dualscale) {
      const app = createApp();
      app.use(defineEventHandler((event) => h3Files(event, filesOf(folder))));
      return listen(withUpscale(toWebHandler(app), dualscale));
    },
    path,
  },
  fixture,
);

describeContract(
  {
    name: `h3 ${versionOf('h3v2')} on srvx ${versionOf('h3v2/node_modules/srvx')}`,
    async start(folder, dualscale) {
      const app = new H3().use(defineHandler((event) => h3v2Files(event, filesOf(folder))));
      const server = serveH3({ fetch: withUpscale((request: Request) => app.fetch(request), dualscale) } as never, {
        port: 0,
        hostname: '127.0.0.1',
        silent: true,
      });
      await server.ready();
      return { url: (server.url as string).replace(/\/$/, ''), close: () => server.close(true) };
    },
    path,
  },
  fixture,
);

test('what a runtime adds to requests reaches the handler, with the parameter or without', async () => {
  const seen: unknown[] = [];
  const handler = withUpscale((request: Request & { ip?: string; runtime?: { name: string } }) => {
    seen.push([request.ip, request.runtime?.name, new URL(request.url).search]);
    return new Response('none', { status: 404 });
  }, fixture.dualscale);
  const server = serveH3({ fetch: handler } as never, { port: 0, hostname: '127.0.0.1', silent: true });
  await server.ready();
  for (const query of ['', '?upscale=2']) await fetch(`${server.url}a.png${query}`);
  await server.close(true);
  expect(seen).toEqual([
    ['127.0.0.1', 'node', ''],
    ['127.0.0.1', 'node', ''],
  ]);
});
