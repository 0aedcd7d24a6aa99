/**
 * `npx tsx dev/request-files.ts` prints the files of src that one `?upscale=4` request passes through in the server's process, when no
 * cache has the picture: those of which a function runs, by V8's coverage. What runs in worker threads is not counted.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Session } from 'node:inspector/promises';
import type { AddressInfo } from 'node:net';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { createDualscale } from '../src/server/plugin.ts';

const SOURCE = join(import.meta.dirname, '..', 'src');

function picture(side: number): Promise<Buffer> {
  const create = { width: side, height: side, channels: 3 as const, background: 'teal' };
  return sharp({ create }).png().toBuffer();
}

const dualscale = await createDualscale({ provider: 'cpu', workers: 1 });
const middleware = dualscale.middleware();
const pictures = new Map([30, 31].map((side) => [`/${side}.png`, picture(side)]));
const server = createServer((req, res) => {
  middleware(req, res, () => {
    void pictures.get(req.url ?? '')?.then((body) => res.writeHead(200, { 'Content-Type': 'image/png' }).end(body));
  });
});
await once(server.listen(0, '127.0.0.1'), 'listening');

const ask = async (side: number): Promise<void> => {
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${side}.png?upscale=4`);
  if (!response.ok) throw new Error(await response.text());
  await response.arrayBuffer();
};

const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
// What only the first request does is the start's.
await ask(30);
await session.post('Profiler.takePreciseCoverage');
await ask(31);
const { result } = await session.post('Profiler.takePreciseCoverage');
server.close();
server.closeAllConnections();
await dualscale.close();

const files = result
  .filter(({ url }) => url.startsWith('file:') && fileURLToPath(url).startsWith(SOURCE))
  .filter(({ functions }) => functions.some(({ ranges: [whole] }) => whole.startOffset > 0 && whole.count > 0))
  .map(({ url }) => relative(SOURCE, fileURLToPath(url)))
  .sort();
process.stdout.write(`${files.join('\n')}\n${files.length} files\n`);
