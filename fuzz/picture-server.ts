/** A server in a process of its own: the plugin before a host that serves damaged pictures by number, `/<index>`. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRandom } from '../src/core/random.ts';
import { createDualscale } from '../src/index.ts';
import { publishNearestModels } from '../test/helpers/nearest-models.ts';
import { fuzzCase, seedPictures } from './damaged-pictures.ts';

const [seed = '1', deadlineMs = '5000'] = process.argv.slice(2);

const seeds = await seedPictures();
const models = await publishNearestModels();
const dualscale = await createDualscale({
  modelsDir: models.directory,
  provider: 'cpu',
  workers: 2,
  concurrency: 4,
  deadlineMs: Number(deadlineMs),
  cache: { memoryBytes: 2 ** 20 },
  logger: { info: () => {}, warn: () => {}, error: (message, error) => console.error(message, error) },
});
// A first picture waits seconds for the workers, which no case causes.
await dualscale.warmUp();
const middleware = dualscale.middleware();
const server = createServer((req, res) =>
  middleware(req, res, () => {
    const index = Number(req.url?.split('?')[0]?.slice(1));
    const { type, bytes } = fuzzCase(seeds, index, createRandom(Number(seed), index));
    res.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length }).end(bytes);
  }),
);
// A client that sends on a connection just when it is closed for idleness gets no answer, which no case causes either.
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

process.on('message', (message) => {
  if (message !== 'memory') return;
  // V8 may leave 50 MB of garbage for half a minute, in about half of all runs, which no case causes.
  globalThis.gc?.();
  process.send?.({ rss: process.memoryUsage.rss() });
});
process.on('disconnect', async () => {
  server.close();
  server.closeAllConnections();
  await dualscale.close();
  await models.remove();
  process.exit();
});
