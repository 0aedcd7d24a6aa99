/**
 * More pictures than the serving model can make, first without and then with `latencyObjectiveMs`: how many answers are in time, and whose.
 * Requests come at a steady pace whether or not the last ones were answered, one and a half times as fast as the model alone makes them.
 * npx tsx bench/latency-objective.ts [seconds]
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { createDualscale, type Dualscale } from '../src/server/plugin.ts';
import { describeMachine } from './machine.ts';

const SECONDS = Number(process.argv[2] ?? 20);
const SIDE = 128;
const OVERLOAD = 1.5;
/** Of the time one picture takes alone. */
const OBJECTIVE_FACTOR = 4;

/** Pictures of their own, so that no answer is another's. */
function makeSource(seed: number): Promise<Buffer> {
  const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 7 + seed * 13 + ((i * seed) >> 5)) & 255);
  return sharp(data, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .jpeg()
    .toBuffer();
}

async function serve(dualscale: Dualscale, sources: readonly Buffer[]) {
  const middleware = dualscale.middleware();
  const server = createServer((req, res) =>
    middleware(req, res, () => {
      const body = sources[Number(/\d+/.exec(req.url ?? '')?.[0])];
      res.writeHead(200, { 'Content-Type': 'image/jpeg' }).end(body);
    }),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

interface Answer {
  readonly status: number;
  readonly told: string;
  readonly ms: number;
}

async function ask(url: string): Promise<Answer> {
  const begin = performance.now();
  const response = await fetch(url);
  await response.arrayBuffer();
  const told = /model=([\w-]+)(?:; scale=4)?(?:; why=(\w+))?/.exec(response.headers.get('x-dualscale') ?? '');
  const model = [told?.[1], told?.[2]].filter(Boolean).join(' ');
  return { status: response.status, told: model, ms: performance.now() - begin };
}

const percentile = (sorted: readonly number[], share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;

function count<Key extends string | number>(keys: readonly Key[]): string {
  const counts = new Map<Key, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].map(([key, number]) => `${number} x ${key}`).join(', ');
}

function report(title: string, answers: readonly Answer[], objectiveMs: number): void {
  const times = answers.filter(({ status }) => status === 200).map(({ ms }) => ms);
  const sorted = times.toSorted((a, b) => a - b);
  const inTime = times.filter((ms) => ms <= objectiveMs).length;
  console.log(`${title}: ${count(answers.map(({ status }) => status))}`);
  console.log(`  within ${objectiveMs} ms: ${((100 * inTime) / answers.length).toFixed(1)} % of all`);
  console.log(`  ms: p50 ${percentile(sorted, 0.5).toFixed(0)}, p95 ${percentile(sorted, 0.95).toFixed(0)}`);
  console.log(`  by ${count(answers.map(({ told }) => told).filter(Boolean))}`);
}

async function withServer<Result>(
  options: { readonly latencyObjectiveMs?: number },
  sources: readonly Buffer[],
  task: (url: string) => Promise<Result>,
): Promise<Result> {
  const dualscale = await createDualscale({ provider: 'cpu', cache: false, queueLimit: 64, ...options });
  await dualscale.warmUp();
  const server = await serve(dualscale, sources);
  try {
    // What it takes alone is known to the server too before the load comes.
    for (let i = 0; i < 3; i++) await ask(`${server.url}/${i}?upscale=4`);
    return await task(server.url);
  } finally {
    server.close();
    await dualscale.close();
  }
}

async function load(url: string, everyMs: number, sources: readonly Buffer[]): Promise<readonly Answer[]> {
  const answers: Promise<Answer>[] = [];
  const end = performance.now() + 1000 * SECONDS;
  for (let next = performance.now(); next < end; next += everyMs) {
    await sleep(Math.max(0, next - performance.now()));
    answers.push(ask(`${url}/${answers.length % sources.length}?upscale=4`));
  }
  return Promise.all(answers);
}

const sources = await Promise.all(Array.from({ length: 400 }, (_, i) => makeSource(i + 1)));
const aloneMs = await withServer({}, sources, async (url) => {
  const times: number[] = [];
  for (let i = 10; i < 30; i++) times.push((await ask(`${url}/${i}?upscale=4`)).ms);
  return percentile(
    times.toSorted((a, b) => a - b),
    0.5,
  );
});
const objectiveMs = Math.round(OBJECTIVE_FACTOR * aloneMs);
const everyMs = aloneMs / OVERLOAD;
console.log(JSON.stringify(describeMachine(new Date())));
console.log(`edge-x4 alone: ${aloneMs.toFixed(0)} ms for ${SIDE}x${SIDE}; a request every ${everyMs.toFixed(0)} ms`);
report('without', await withServer({}, sources, (url) => load(url, everyMs, sources)), objectiveMs);
const chosen = await withServer({ latencyObjectiveMs: objectiveMs }, sources, (url) => load(url, everyMs, sources));
report(`with latencyObjectiveMs ${objectiveMs}`, chosen, objectiveMs);
