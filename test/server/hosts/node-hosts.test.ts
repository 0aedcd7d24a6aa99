/** The middleware in front of plain `node:http`, Express 5 and 4. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import express5 from 'express';
import express4 from 'express4';
import type { Dualscale } from '../../../src/server/plugin.ts';
import { serve } from '../../helpers/http-host.ts';
import { describeContract } from './contract.ts';
import { usePictures } from './pictures.ts';
import { versionOf } from './versions.ts';

const fixture = usePictures();
const query = (file: string, upscale?: string) => `/${file}${upscale === undefined ? '' : `?upscale=${upscale}`}`;
const TYPES: Readonly<Record<string, string>> = { png: 'png', jpg: 'jpeg', webp: 'webp', svg: 'svg+xml' };

/** As one writes it by hand. */
async function sendFile(folder: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    const body = await readFile(join(folder, (req.url as string).slice(1)));
    const etag = `"${createHash('sha256').update(body).digest('hex')}"`;
    res.setHeader('Content-Type', `image/${TYPES[(req.url as string).split('.')[1] as string]}`);
    res.setHeader('Content-Length', body.length);
    res.setHeader('ETag', etag);
    res.end(req.method === 'HEAD' ? undefined : body);
  } catch {
    res.writeHead(404).end('no such file');
  }
}

describeContract(
  {
    name: `node:http ${process.versions.node}, middleware`,
    start(folder, dualscale) {
      const middleware = dualscale.middleware();
      return serve((req, res) => middleware(req, res, () => void sendFile(folder, req, res)));
    },
    path: query,
  },
  fixture,
);

for (const [folder, express] of [
  ['express', express5],
  ['express4', express4],
] as const) {
  describeContract(
    {
      name: `express ${versionOf(folder)}, middleware`,
      async start(pictures: string, dualscale: Dualscale) {
        const server = await serve(express().use('/photos', dualscale.middleware(), express.static(pictures)));
        return { ...server, url: `${server.url}/photos` };
      },
      path: query,
    },
    fixture,
  );
}
