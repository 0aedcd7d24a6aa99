/**
 * Mutated URLs, methods and headers against the real servers in this process: that of `dualscale serve`, and a proxy in front of
 * it that wants signatures. Nothing may crash, hang, leak, or answer with a 5xx other than 503.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../src/cli/serve/server.ts';
import { createRandom } from '../src/core/random.ts';
import { createDualscale, type DualscaleOptions } from '../src/index.ts';
import { createProxy } from '../src/server/hosts/proxy.ts';
import { encoder } from '../test/helpers/http-host.ts';
import { publishNearestModels } from '../test/helpers/nearest-models.ts';
import { mutatedRequest, type RawRequest, rawRequest, SEED_REQUESTS } from './mutate-request.ts';

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

interface RawAnswer {
  /** Undefined where the connection was closed without one. */
  readonly status: number | undefined;
  readonly head: string;
  readonly body: Buffer;
  /** Nothing came and the connection stayed open until the limit. */
  readonly isHanging: boolean;
}

function parse(bytes: Buffer): { head: string; body: Buffer; status: number | undefined } {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.subarray(0, end < 0 ? bytes.length : end).toString('latin1');
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  return {
    head,
    body: end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 4),
    status: status ? Number(status) : undefined,
  };
}

/** Whether the first answer is there; a 100 is none. Without a length it ends with the connection. */
function isWhole(bytes: Buffer, isHead: boolean): boolean {
  const { head, body, status } = parse(bytes);
  if (status === undefined || !bytes.includes('\r\n\r\n')) return false;
  if (isHead || status === 304 || status === 204) return true;
  if (/^transfer-encoding: *chunked/im.test(head)) return body.subarray(-5).toString('latin1') === '0\r\n\r\n';
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  return length !== undefined && body.length >= Number(length);
}

/** Sends a request byte for byte over a connection of its own. */
function exchange(port: number, { bytes, isCut }: RawRequest, limitMs: number): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const isHead = bytes.subarray(0, 5).toString('latin1') === 'HEAD ';
    const socket = connect(port, '127.0.0.1');
    let received = Buffer.alloc(0);
    const finish = (isHanging: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      const isInterim = /^HTTP\/1\.1 100 [^\r]*\r\n\r\n/.exec(received.toString('latin1'));
      const answer = isInterim ? received.subarray(isInterim[0].length) : received;
      resolve({ ...parse(answer), isHanging: isHanging && !isCut });
    };
    const timer = setTimeout(() => finish(true), isCut ? 200 : limitMs);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (isWhole(received, isHead)) finish(false);
    });
    socket.on('error', () => {});
    socket.on('close', () => finish(false));
    socket.write(bytes);
  });
}
