import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import express from 'express';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { start as startExpress } from '../../../examples/express.ts';
import { start as startFastify } from '../../../examples/fastify.ts';
import { start as startHono } from '../../../examples/hono.ts';
import { start as startIpx } from '../../../examples/ipx.ts';
import { start as startIpxDecorator } from '../../../examples/ipx-decorator.ts';
import { start as startNodeHttp } from '../../../examples/node-http.ts';
import { start as startProxy } from '../../../examples/proxy.ts';
import { start as startSigned, urlOf } from '../../../examples/signed-urls.ts';
import { serve } from '../../helpers/http-host.ts';
import { type ModelsFolder, publishNearestModels } from '../../helpers/nearest-models.ts';

const PHOTOS = fileURLToPath(new URL('../../../examples/photos', import.meta.url));

let folder: ModelsFolder;

beforeAll(async () => {
  folder = await publishNearestModels();
});

afterAll(() => folder.remove());

type Started = Awaited<ReturnType<typeof startExpress | typeof startFastify>>;

async function ask({ server, dualscale }: Started, path: string) {
  if (!server.listening) await once(server, 'listening');
  try {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
    const { format, width } = await sharp(await response.arrayBuffer()).metadata();
    return [response.status, format, width];
  } finally {
    server.close();
    server.closeAllConnections();
    await dualscale.close();
  }
}

const options = () => ({ modelsDir: folder.directory, provider: 'cpu', workers: 1 }) as const;

test.each([
  ['express', startExpress, '/images/coffee.png?upscale=2', 'png', 600],
  ['fastify', startFastify, '/coffee.png?upscale=2', 'png', 600],
  ['hono', startHono, '/coffee.png?upscale=2', 'png', 600],
  ['ipx', startIpx, '/_ipx/w_100,f_webp/coffee.png?upscale=4', 'webp', 400],
  ['ipx-decorator', startIpxDecorator, '/upscale_4,w_100,f_webp/coffee.png', 'webp', 400],
  ['node-http', startNodeHttp, '/coffee.png?upscale=2', 'png', 600],
  ['signed-urls', startSigned, urlOf('coffee.png'), 'png', 600],
] as const)('examples/%s.ts serves the picture its comment promises', async (_name, start, path, format, width) => {
  expect(await ask((await start(PHOTOS, options(), 0)) as Started, path)).toEqual([200, format, width]);
});

test('examples/proxy.ts serves the picture of the server behind it', async () => {
  const upstream = await serve(express().use(express.static(PHOTOS)));
  const started = await startProxy(upstream.url, options(), 0);
  expect(await ask(started as Started, '/coffee.png?upscale=2')).toEqual([200, 'png', 600]);
  upstream.close();
});
