import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { start as startExpress } from '../../examples/express.ts';
import { start as startIpx } from '../../examples/ipx.ts';
import { type ModelsFolder, publishNearestModels } from '../helpers/nearest-models.ts';

const PHOTOS = fileURLToPath(new URL('../../examples/photos', import.meta.url));

let folder: ModelsFolder;

beforeAll(async () => {
  folder = await publishNearestModels();
});

afterAll(() => folder.remove());

test.each([
  ['express', startExpress, '/images/coffee.png?upscale=2', 'png', 600],
  ['ipx', startIpx, '/_ipx/w_100,f_webp/coffee.png?upscale=4', 'webp', 400],
] as const)('examples/%s.ts serves the picture its comment promises', async (_name, start, path, format, width) => {
  const { server, dualscale } = await start(PHOTOS, { modelsDir: folder.directory, provider: 'cpu', workers: 1 }, 0);
  if (!server.listening) await once(server, 'listening');
  try {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
    const metadata = await sharp(await response.arrayBuffer()).metadata();
    expect([response.status, metadata.format, metadata.width]).toEqual([200, format, width]);
  } finally {
    server.close();
    server.closeAllConnections();
    await dualscale.close();
  }
});
