/** A plugin over a tiny network with jobs, the dashboard, and an image host, behind one real server whose sockets can be cut. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import express from 'express';
import { createDashboard } from '../../src/dashboard/dashboard.ts';
import { createDualscale } from '../../src/server/plugin.ts';
import { publishBlindModel } from '../helpers/blind-model.ts';
import { writeGeneratedPhotos } from '../helpers/generated-photos.ts';
import { publishNearestModels } from '../helpers/nearest-models.ts';

export const TOKEN = 'a-token-for-tests-only';

export async function openDashboardServer() {
  const directory = await mkdtemp(join(tmpdir(), 'dualscale-dashboard-'));
  const photos = join(directory, 'photos');
  const models = await publishNearestModels([2], { featureCount: 8, blocks: 2 });
  await publishBlindModel(models.directory, [Math.hypot(0.75, 0.1), 0.8 * Math.hypot(0.75, 0.1), 0, 0, 0.25]);
  await writeGeneratedPhotos(photos, 12, { width: 96, height: 80 });
  const dualscale = await createDualscale({ modelsDir: models.directory, provider: 'cpu', workers: 1 });
  const jobs = await dualscale.jobs({
    dir: join(directory, 'jobs'),
    token: TOKEN,
    threads: 1,
    minFreeBytes: 0,
    dataRoots: { photos },
    samplesDir: photos,
  });
  const app = express();
  app.use(createDashboard(), jobs.handler);
  app.use('/photos', dualscale.middleware(), express.static(photos));
  const server = createServer(app);
  const sockets = new Set<Duplex>();
  let isCut = false;
  server.on('upgrade', (_req, socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    if (isCut) socket.destroy();
  });
  jobs.attach(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    page: `${url}/dualscale/`,
    dualscale,
    post: (path: string, body?: unknown) =>
      fetch(`${url}/dualscale/api/${path}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
        body: body === undefined ? undefined : JSON.stringify(body),
      }),
    /** Which model enlarged a clean picture that is asked for now. */
    async servedBy(): Promise<string | undefined> {
      const response = await fetch(`${url}/photos/photo-0.png?upscale=2&sr_degradation=bicubic`);
      await response.arrayBuffer();
      return /model=([^;]+)/.exec(response.headers.get('x-dualscale') ?? '')?.[1];
    },
    /** Breaks the open sockets and refuses new ones until `allowSockets`. */
    cutSockets() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    allowSockets() {
      isCut = false;
    },
    openSockets: () => sockets.size,
    async close() {
      await jobs.close();
      server.close();
      server.closeAllConnections();
      await dualscale.close();
      await rm(directory, { recursive: true, force: true });
      await models.remove();
    },
  };
}

export type DashboardServer = Awaited<ReturnType<typeof openDashboardServer>>;
