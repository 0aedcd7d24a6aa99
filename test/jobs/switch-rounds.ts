/** Two models that are told apart by their pixels serve in turns while requests come in. */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { publishModel } from '../../src/core/models/publish.ts';
import { createNetwork, initialiseParameters } from '../../src/core/network/create-network.ts';
import { createDualscale } from '../../src/server/plugin.ts';
import { publishNearestModels } from '../helpers/nearest-models.ts';
import { createClient, TOKEN } from './jobs-box.ts';

/** Makes every pixel brighter by a constant: its last bias is not zero. */
async function publishBright(directory: string): Promise<void> {
  const spec = { family: 'edge', scale: 2, featureCount: 4, innerWidths: [4] } as const;
  const zero = initialiseParameters(createNetwork(spec), () => 0.5);
  const last = Object.keys(zero)
    .filter((name) => name.endsWith('bias'))
    .at(-1) as string;
  const parameters = {
    ...zero,
    [last]: {
      ...zero[last],
      shape: zero[last]?.shape ?? [],
      data: (zero[last]?.data ?? new Float32Array()).map(() => 0.5),
    },
  };
  const provenance = {
    trainer: '0',
    data: 'none',
    seeds: [],
    steps: 0,
    recipe: {},
    date: '2026-01-01',
    machine: 'none',
  };
  const draft = { id: 'bright-x2', version: '1.0.0', license: 'MIT', degradation: 'bicubic' as const };
  await publishModel(directory, { ...draft, spec, provenance, quality: [], latency: [] }, parameters);
}

export interface SwitchResult {
  readonly switches: number;
  readonly requests: number;
  readonly failed: number;
  /** Answers whose header names the one model and whose pixels are the other's. */
  readonly disagreeing: number;
  readonly byModel: Readonly<Record<string, number>>;
}

export async function switchUnderLoad(switches: number): Promise<SwitchResult> {
  const { directory, remove } = await publishNearestModels([2]);
  await publishBright(directory);
  const dualscale = await createDualscale({
    modelsDir: directory,
    provider: 'cpu',
    workers: 1,
    models: { 2: 'nearest-x2' },
  });
  const dir = join(directory, '.jobs');
  const jobs = await dualscale.jobs({ dir, token: TOKEN, minFreeBytes: 0, rollback: { watchSeconds: 0 } });
  let number = 0;
  /** Every picture is another one, so that no cache answers. */
  const sendPicture = async (res: ServerResponse): Promise<void> => {
    const gray = 40 + (number++ % 60);
    const create = { width: 16, height: 16, channels: 3 as const, background: { r: gray, g: gray, b: gray } };
    res.writeHead(200, { 'Content-Type': 'image/png' }).end(await sharp({ create }).png().toBuffer());
  };
  const server = createServer((req, res) => {
    jobs.handler(req, res, () => dualscale.middleware()(req, res, () => void sendPicture(res)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { post } = createClient(url);
  const counts = { requests: 0, failed: 0, disagreeing: 0 };
  const byModel: Record<string, number> = {};
  let isDone = false;

  const ask = async (): Promise<void> => {
    while (!isDone) {
      const response = await fetch(`${url}/${counts.requests++}.png?upscale=2`);
      const bytes = Buffer.from(await response.arrayBuffer());
      const model = /model=([\w-]+)/.exec(response.headers.get('x-dualscale') ?? '')?.[1] ?? 'none';
      byModel[model] = (byModel[model] ?? 0) + 1;
      if (response.status !== 200) counts.failed += 1;
      else {
        const [value = 0] = await sharp(bytes).raw().toBuffer();
        if (value > 120 !== (model === 'bright-x2')) counts.disagreeing += 1;
      }
    }
  };

  const load = [ask(), ask(), ask(), ask()];
  for (let i = 0; i < switches; i++) {
    const response = await post(`/models/${i % 2 === 0 ? 'bright-x2' : 'nearest-x2'}/activate`);
    if (response.status !== 200) counts.failed += 1;
  }
  isDone = true;
  await Promise.all(load);
  await jobs.close();
  server.close();
  server.closeAllConnections();
  await dualscale.close();
  await rm(dir, { recursive: true, force: true });
  await remove();
  return { switches, ...counts, byModel };
}
