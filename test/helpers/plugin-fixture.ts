/** A plugin over nearest-neighbour networks for one test file, and hosts behind it; everything is closed at the end. */
import type { RequestListener } from 'node:http';
import { afterAll, beforeAll } from 'vitest';
import type { DualscaleOptions } from '../../src/server/options.ts';
import { createDualscale, type Dualscale } from '../../src/server/plugin.ts';
import { encoder, serveBehind, type TestServer } from './http-host.ts';
import { type ModelsFolder, publishNearestModels } from './nearest-models.ts';

/** Of the picture that most tests send. */
export const WIDTH = 20;
export const HEIGHT = 15;

export function usePlugin(options: DualscaleOptions = {}) {
  let folder: ModelsFolder;
  let dualscale: Dualscale;
  let png: Buffer;
  const servers: TestServer[] = [];

  const create = (more: DualscaleOptions = {}) =>
    createDualscale({ modelsDir: folder.directory, provider: 'cpu', workers: 1, ...options, ...more });

  beforeAll(async () => {
    folder = await publishNearestModels();
    dualscale = await create();
    png = await encoder(WIDTH, HEIGHT).png().toBuffer();
  });

  afterAll(async () => {
    for (const server of servers) server.close();
    await dualscale.close();
    await folder.remove();
  });

  return {
    /** Another plugin on the same models; the caller closes it. */
    create,
    /** The address of a `node:http` host behind the plugin. */
    async behind(host: RequestListener, plugin: Pick<Dualscale, 'middleware'> = dualscale): Promise<string> {
      const server = await serveBehind(plugin.middleware(), host);
      servers.push(server);
      return server.url;
    },
    get dualscale() {
      return dualscale;
    },
    /** WIDTH x HEIGHT, RGB. */
    get png() {
      return png;
    },
    get modelsDir() {
      return folder.directory;
    },
  };
}

export function answer(body: Buffer | string, headers: Record<string, string>, status = 200): RequestListener {
  return (_req, res) => res.writeHead(status, headers).end(body);
}

/** A host's 200 with a picture. */
export function image(body: Buffer, type = 'image/png', more: Record<string, string> = {}): RequestListener {
  return answer(body, { 'Content-Type': type, 'Content-Length': String(body.length), ...more });
}
