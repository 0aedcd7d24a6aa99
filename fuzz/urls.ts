/**
 * Mutated URLs, methods and headers against the real servers in this process: that of `dualscale serve`, and a proxy in front of
 * it that wants signatures. Nothing may crash, hang, leak, or answer with a 5xx other than 503.
 * Run: `npx tsx fuzz/urls.ts [requests] [seed]`
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from '../src/cli/serve/server.ts';
import { createRandom } from '../src/core/random.ts';
import { createDualscale, type DualscaleOptions } from '../src/index.ts';
import { createProxy } from '../src/server/hosts/proxy.ts';
import { encoder } from '../test/helpers/http-host.ts';
import { publishNearestModels } from '../test/helpers/nearest-models.ts';
import { mutatedRequest, type RawRequest, rawRequest, SEED_REQUESTS } from './mutate-request.ts';
import { exchange, type RawAnswer } from './raw-exchange.ts';

export interface UrlFuzzReport {
  readonly requests: number;
  /** How often each status came; `closed` where the connection was closed without one. */
  readonly statuses: Readonly<Record<string, number>>;
  /** What must not be, with the request that did it. */
  readonly failures: readonly string[];
  /** MiB, after a tenth of the requests and at the end. */
  readonly rss: readonly [number, number];
}

const DEADLINE_MS = 5000;
/** On a machine with other work; nothing else waits longer than the deadline. */
const LIMIT_MS = 4 * DEADLINE_MS;
const CONCURRENCY = 6;
const LEAKS = /node_modules|\/(?:home|root|work|tmp)\/|\bat .*\.[cm]?[jt]s\b|file:\/\//;

interface Target {
  readonly name: string;
  readonly port: number;
}

async function startTargets(): Promise<{ readonly targets: readonly Target[]; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'dualscale-fuzz-'));
  await writeFile(join(folder, 'a.png'), await encoder(40, 30).png().toBuffer());
  await writeFile(join(folder, 'b.jpg'), await encoder(40, 30).jpeg().toBuffer());
  await writeFile(join(folder, 'c.webp'), await encoder(40, 30).webp().toBuffer());
  const models = await publishNearestModels();
  const options: DualscaleOptions = {
    modelsDir: models.directory,
    provider: 'cpu',
    workers: 1,
    deadlineMs: DEADLINE_MS,
  };
  const logger = {
    info: () => {},
    warn: () => {},
    error: (text: string, error: unknown) => console.error(text, error),
  };
  const server = await startServer({ imagesDir: folder, port: 0, dualscale: options, logger });
  const dualscale = await createDualscale({
    ...options,
    signing: { keys: ['a key for the fuzzer'], required: false },
    logger,
  });
  const proxy = createProxy({ dualscale, upstream: server.url });
  const front = createServer(proxy.handler);
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  return {
    targets: [
      { name: 'serve', port: Number(new URL(server.url).port) },
      { name: 'proxy', port: (front.address() as AddressInfo).port },
    ],
    async close() {
      front.close();
      front.closeAllConnections();
      proxy.close();
      await dualscale.close();
      await server.close();
      await models.remove();
      await rm(folder, { recursive: true });
    },
  };
}

/** What is wrong with an answer, if anything. */
function judge({ status, head, body, isHanging }: RawAnswer): string | undefined {
  if (isHanging) return `no answer within ${LIMIT_MS} ms`;
  if (status !== undefined && status >= 500 && status !== 503 && status !== 501 && status !== 505)
    return `status ${status}`;
  const isText = /^content-type: *(?:text|application)\//im.test(head);
  if (LEAKS.test(head) || (isText && LEAKS.test(body.toString('latin1')))) return 'a path or a stack in the answer';
  if (status === 400 && /^cache-control:.*max-age/im.test(head)) return 'an error that caches may keep';
  return undefined;
}

export async function fuzzUrls(requests: number, seed: number): Promise<UrlFuzzReport> {
  const { targets, close } = await startTargets();
  const statuses: Record<string, number> = {};
  const failures: string[] = [];
  const rssMib = () => Math.round(process.memoryUsage.rss() / 2 ** 20);
  let rssBefore = 0;
  let next = 0;
  const requestOf = (i: number): RawRequest =>
    i < SEED_REQUESTS.length * targets.length
      ? rawRequest(SEED_REQUESTS[Math.floor(i / targets.length)] as (typeof SEED_REQUESTS)[number])
      : mutatedRequest(createRandom(seed, i));
  const work = async () => {
    while (next < requests) {
      const i = next++;
      if (i === Math.floor(requests / 10)) rssBefore = rssMib();
      const target = targets[i % targets.length] as Target;
      const request = requestOf(i);
      const answer = await exchange(target.port, request, LIMIT_MS);
      const status = String(answer.status ?? 'closed');
      statuses[status] = (statuses[status] ?? 0) + 1;
      const wrong = judge(answer);
      if (wrong)
        failures.push(
          `#${i} (seed ${seed}, ${target.name}) ${wrong}: ${JSON.stringify(request.bytes.toString('latin1').slice(0, 500))}`,
        );
    }
  };
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
  } finally {
    await close();
  }
  return { requests, statuses, failures, rss: [rssBefore, rssMib()] };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [requests = 5000, seed = 1] = process.argv.slice(2).map(Number);
  const start = Date.now();
  const { statuses, failures, rss } = await fuzzUrls(requests, seed);
  console.log(
    `${requests} requests of seed ${seed} in ${((Date.now() - start) / 1000).toFixed(0)} s: ${JSON.stringify(statuses)}`,
  );
  console.log(`resident memory ${rss[0]} MiB after a tenth, ${rss[1]} MiB at the end`);
  for (const failure of failures.slice(0, 20)) console.error(failure);
  if (failures.length > 0) console.error(`${failures.length} failures`);
  process.exit(failures.length > 0 ? 1 : 0);
}
