/** Ten times what the server can do, for minutes: what it answers, how fast, and what it costs in memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';
import type { Benchmark, BenchOptions, Row } from './benchmark.ts';
import { nextMessage, startCase } from './fork-case.ts';
import { describeModel, openModelUnderTest } from './model-under-test.ts';
import type { ReadinessConfig } from './readiness-probe.ts';
import { closedLoopRate, type Service, startService } from './service-case.ts';

const SIZES = [
  { width: 64, height: 64 },
  { width: 128, height: 96 },
  { width: 256, height: 256 },
  { width: 480, height: 360 },
];
const TIMES_SUSTAINABLE = 10;
const DEADLINE_MS = 10_000;
const CONNECTIONS = 200;

/** What the server's memory is taken from: glibc keeps some for each thread unless it is told otherwise. */
function describeAllocator({ MALLOC_ARENA_MAX: arenas, LD_PRELOAD: preloaded }: NodeJS.ProcessEnv): string {
  if (preloaded) return `LD_PRELOAD=${preloaded}`;
  return arenas ? `MALLOC_ARENA_MAX=${arenas}` : "the system's allocator as it is";
}

const pathOf = (request: number) => `/${request % SIZES.length}?upscale=4`;

interface Minute {
  readonly statuses: ReadonlyMap<number, number>;
  readonly okMs: readonly number[];
  readonly failed: number;
}

async function overload(url: string, rate: number, seconds: number): Promise<Minute> {
  const statuses = new Map<number, number>();
  const okMs: number[] = [];
  let asked = 0;
  const failed = await new Promise<number>((resolve, reject) => {
    const options = {
      url,
      connections: CONNECTIONS,
      duration: seconds,
      overallRate: rate,
      timeout: 60,
      requests: [{ setupRequest: (request: autocannon.Request) => ({ ...request, path: pathOf(asked++) }) }],
    };
    const run = autocannon(options, (error, result) => (error ? reject(error) : resolve(result.errors)));
    run.on('response', (_client, status, _bytes, milliseconds) => {
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 200) okMs.push(milliseconds);
    });
  });
  return { statuses, okMs, failed };
}

const percentile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0;

async function oneMinute(service: Service, rate: number, seconds: number): Promise<Row> {
  service.watch();
  const prober = startCase('readiness-probe', { url: `${service.url}/readyz` } satisfies ReadinessConfig);
  const { statuses, okMs, failed } = await overload(service.url, rate, seconds);
  const probed = nextMessage<number[]>(prober);
  prober.send('stop');
  const readyMs = await probed;
  prober.disconnect();
  const { loopP99Ms, loopMaxMs, rssBytes } = await service.report();
  const other = [...statuses]
    .filter(([status]) => status !== 200 && status !== 503)
    .reduce((sum, [, n]) => sum + n, failed);
  return {
    '200': statuses.get(200) ?? 0,
    '503': statuses.get(503) ?? 0,
    'anything else': other,
    'p50 of 200 ms': percentile(okMs, 0.5),
    'p99 of 200 ms': percentile(okMs, 0.99),
    'loop p99 ms': loopP99Ms,
    'loop max ms': loopMaxMs,
    'readyz max ms': Math.max(...readyMs),
    'rss MB': rssBytes / 1e6,
  };
}

const most = (rows: readonly Row[], column: string) => Math.max(...rows.map((row) => row[column] as number));

function judge(rows: readonly Row[]) {
  const [first, last] = [rows[0], rows.at(-1)].map((row) => row?.['rss MB'] as number) as [number, number];
  return [
    { name: 'overload: answers other than 200 and 503', wanted: { below: 1 }, value: most(rows, 'anything else') },
    { name: 'overload: p99 of the 200s, ms', wanted: { below: DEADLINE_MS }, value: most(rows, 'p99 of 200 ms') },
    { name: 'overload: event loop delay p99, ms', wanted: { below: 50 }, value: most(rows, 'loop p99 ms') },
    { name: 'overload: slowest /readyz, ms', wanted: { below: 100 }, value: most(rows, 'readyz max ms') },
    { name: 'overload: RSS after the last minute to after the first', wanted: { below: 1.1 }, value: last / first },
  ];
}

async function measure(options: BenchOptions, service: Service): Promise<{ rate: number; rows: Row[] }> {
  const { overloadMinutes: minutes = 1, overloadSeconds: seconds = 60, log } = options;
  await closedLoopRate(service.url, { clients: 3, seconds: Math.min(5, seconds), pathOf });
  const rate = await closedLoopRate(service.url, { clients: 3, seconds: Math.min(20, seconds), pathOf });
  log(`${rate.toFixed(1)} pictures/s can be sustained`);
  const rows: Row[] = [];
  for (let minute = 1; minute <= minutes; minute++) {
    const asked = Math.max(CONNECTIONS, Math.ceil(rate * TIMES_SUSTAINABLE));
    rows.push({ minute, 'asked/s': asked, ...(await oneMinute(service, asked, seconds)) });
    log(`minute ${minute}: ${JSON.stringify(rows.at(-1))}`);
    await sleep(100);
  }
  return { rate, rows };
}

export const overloaded: Benchmark = {
  name: 'overload',
  async run(options) {
    const model = await openModelUnderTest(options);
    const { modelsDir, stored } = model;
    const service = await startService({
      options: { modelsDir, models: { 4: stored.manifest.id }, deadlineMs: DEADLINE_MS },
      sizes: SIZES,
      isUnique: true,
    });
    try {
      const { rate, rows } = await measure(options, service);
      const sizes = SIZES.map(({ width, height }) => `${width}x${height}`).join(', ');
      return {
        tables: [{ title: `Overload (node:http, ${describeModel(model)})`, rows }],
        goals: judge(rows),
        notes: [
          `${rate.toFixed(1)} pictures/s can be sustained; JPEG of ${sizes} in turns, to x4, all different.`,
          `The load comes from another process on the same machine. RSS holds the filled memory cache; ${describeAllocator(process.env)}.`,
        ],
      };
    } finally {
      await service.stop();
      await model.remove();
    }
  },
};
