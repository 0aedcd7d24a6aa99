/** `GET /photo.jpg?upscale=4` on Hono, or any other fetch handler. Run: `npx tsx examples/hono.ts [folder]` */
import type { Server } from 'node:http';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { createDualscale, type DualscaleOptions } from '../src/index.ts'; // in your project: 'dualscale'
import { withUpscale } from '../src/server/hosts/fetch.ts'; // in your project: 'dualscale/fetch'

export async function start(folder: string, options: DualscaleOptions = {}, port = 8080) {
  const dualscale = await createDualscale(options);
  const app = new Hono().use('*', serveStatic({ root: folder }));
  const server = serve({ fetch: withUpscale(app.fetch, dualscale), port, hostname: '127.0.0.1' }) as Server;
  return { server, dualscale };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const photos = fileURLToPath(new URL('photos', import.meta.url));
  await start(resolve(process.argv[2] ?? photos));
  console.log('http://127.0.0.1:8080/coffee.png?upscale=4');
}
