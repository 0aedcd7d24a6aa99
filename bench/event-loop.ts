/** How long the event loop of a server stands still while pictures are upscaled: what its other requests would wait. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { median } from '../src/core/measure/percentile.ts';
import { PACKAGE_ROOT } from '../src/core/version.ts';
import type { Benchmark, BenchOptions, Row } from './benchmark.ts';
import type { DelayReport, ServerCommand, ServerConfig } from './event-loop-server.ts';
import { nextMessage, startCase } from './fork-case.ts';
import { describeModel, openModelUnderTest } from './model-under-test.ts';

interface Picture {
  readonly file: string;
  readonly width: number;
  readonly height: number;
}

interface Load {
  readonly name: string;
  readonly picture: Picture;
  readonly query: string;
  readonly clients: number;
  readonly seconds: number;
}

const SMALL: Picture = { file: 'small.png', width: 128, height: 128 };
const PHOTO: Picture = { file: 'photo.jpg', width: 640, height: 480 };
const BASE = { query: '?upscale=4', clients: 1, seconds: 6 };
const LOADS: readonly Load[] = [
  { ...BASE, name: 'files without the parameter', picture: SMALL, query: '', seconds: 3 },
  { ...BASE, name: 'PNG 128x128 to x4', picture: SMALL },
  { ...BASE, name: 'PNG 128x128 to x4', picture: SMALL, clients: 4 },
  { ...BASE, name: 'JPEG 640x480 to x4', picture: PHOTO },
  { ...BASE, name: 'JPEG 640x480 to x4', picture: PHOTO, clients: 4 },
];
const MAX_CLIENTS = 4;
const IDLE_SECONDS = 3;

/** One file per client, all different: equal requests at the same time would be answered by one enlargement. */
async function writePictures(directory: string): Promise<void> {
  const photo = join(PACKAGE_ROOT, 'examples', 'photos', 'coffee.png');
  for (const { file, width, height } of [SMALL, PHOTO]) {
    for (let client = 0; client < MAX_CLIENTS; client++) {
      const modulated = sharp(photo)
        .resize(width, height)
        .modulate({ hue: client * 30 });
      await modulated.toFile(join(directory, `${client}-${file}`));
    }
  }
}

/** Milliseconds of each answer. Every client asks again as soon as it is answered. */
async function apply({ picture, query, clients }: Load, url: string, seconds: number): Promise<number[]> {
  const end = performance.now() + seconds * 1000;
  const times: number[] = [];
  const client = async (index: number) => {
    while (performance.now() < end) {
      const start = performance.now();
      const answer = await fetch(`${url}/${index}-${picture.file}${query}`);
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`expected status 200, got ${answer.status} for ${answer.url}`);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  return times;
}

const delayColumns = ({ p50Ms, p99Ms, maxMs }: DelayReport) => ({ 'p50 ms': p50Ms, 'p99 ms': p99Ms, 'max ms': maxMs });

async function measureLoads(config: ServerConfig, log: BenchOptions['log']): Promise<Row[]> {
  const server = startCase('event-loop-server', config);
  const tell = (command: ServerCommand) => server.send(command);
  const watch = async <Result>(work: Promise<Result>) => {
    tell('watch');
    const result = await work;
    const message = nextMessage<DelayReport>(server);
    tell('report');
    return { result, delay: await message };
  };
  try {
    const url = `http://127.0.0.1:${await nextMessage<number>(server)}`;
    // The first enlargement of a worker makes its session; a server has that behind it.
    for (const load of LOADS) await apply(load, url, 0.5);
    const idle = await watch(sleep(IDLE_SECONDS * 1000));
    const rows: Row[] = [{ load: 'idle', ...delayColumns(idle.delay) }];
    for (const load of LOADS) {
      log(`${load.name}, clients: ${load.clients}`);
      const { result, delay } = await watch(apply(load, url, load.seconds));
      const answers = { answers: result.length, 'median answer ms': median(result) };
      rows.push({ load: load.name, clients: load.clients, ...delayColumns(delay), ...answers });
    }
    return rows;
  } finally {
    if (server.connected) {
      const exit = once(server, 'exit');
      tell('stop');
      await exit;
    }
  }
}

export const eventLoop: Benchmark = {
  name: 'event-loop',
  async run(options) {
    const model = await openModelUnderTest(options);
    const imagesDir = await mkdtemp(join(tmpdir(), 'dualscale-bench-'));
    try {
      await writePictures(imagesDir);
      const { modelsDir, stored } = model;
      const rows = await measureLoads({ modelsDir, modelId: stored.manifest.id, imagesDir }, options.log);
      const upscaling = new Set<unknown>(LOADS.filter(({ query }) => query !== '').map(({ name }) => name));
      const worst = Math.max(...rows.filter((row) => upscaling.has(row['load'])).map((row) => row['p99 ms'] as number));
      return {
        tables: [{ title: `Event loop delay of the server (Express, ${describeModel(model)})`, rows }],
        goals: [{ name: 'event loop delay p99 while upscaling, worst load, ms', wanted: { below: 20 }, value: worst }],
        notes: [
          'Delays hold the 1 ms period of the timer that measures them. The client runs on the same machine, in another process.',
        ],
      };
    } finally {
      await rm(imagesDir, { recursive: true, force: true });
      await model.remove();
    }
  },
};
