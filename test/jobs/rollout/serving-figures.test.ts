/** `/status` against what clients and the plugin's own counters saw, with more requests at a time than there are places. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Counter, type Gauge, Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Status } from '../../../src/dashboard/api-types.ts';
import { encoder, serveBehind, type TestServer } from '../../helpers/http-host.ts';
import { image } from '../../helpers/plugin-fixture.ts';
import { createJobsFolder, FINETUNE, type JobsBox, type JobsFolder, openJobsBox } from '../jobs-box.ts';
import { findDeviations } from '../openapi.ts';

const HOST_MS = 300;
const SENT = 16;

let folder: JobsFolder;
let box: JobsBox;
let server: TestServer;

beforeAll(async () => {
  folder = await createJobsFolder(1);
  box = await openJobsBox(folder, { plugin: { concurrency: 1, queueLimit: 3 } });
  const pictures = await Promise.all(
    Array.from({ length: SENT }, (_, i) =>
      encoder(40 + i, 40)
        .png()
        .toBuffer(),
    ),
  );
  server = await serveBehind(box.dualscale.middleware(), async (req, res) => {
    const index = Number(/(\d+)/.exec(req.url ?? '')?.[1]);
    await sleep(HOST_MS);
    image(pictures[index] as Buffer, 'image/png', { ETag: `"${index}"` })(req, res);
  });
});

afterAll(async () => {
  server.close();
  await box.close();
  await folder.remove();
});

const ask = async (path: string) => {
  const begin = performance.now();
  const response = await fetch(`${server.url}${path}`);
  await response.arrayBuffer();
  return { path, status: response.status, ms: performance.now() - begin };
};

async function outcomes(): Promise<Readonly<Record<string, number>>> {
  const counter = box.dualscale.registry.getSingleMetric('dualscale_requests_total') as Counter;
  const { values } = await counter.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels['outcome']), value]));
}

test('tells of every request with the parameter, by its outcome, and of its whole time', async () => {
  const burst = await Promise.all(Array.from({ length: SENT }, (_, i) => ask(`/${i}.png?upscale=2`)));
  const answered = burst.filter(({ status }) => status === 200);
  const again = await Promise.all(answered.slice(0, 2).map(({ path }) => ask(path)));
  const bad = await Promise.all([ask('/0.png?upscale=nine'), ask('/1.png?upscale=-1')]);
  await ask('/2.png');
  const busy = burst.filter(({ status }) => status === 503).length;
  expect([busy > 0, bad.map(({ status }) => status)]).toEqual([true, [400, 400]]);
  expect(await outcomes()).toMatchObject({ upscaled: answered.length, busy, cached: again.length, rejected: 2 });

  const response = await box.call('/status');
  expect(await findDeviations('/status', 'GET', response)).toEqual([]);
  const { serving } = (await response.json()) as Status;
  expect(serving).toMatchObject({
    windowSeconds: 60,
    requests: SENT + again.length + 2,
    errors: busy + 2,
    failed: 0,
    busy,
    rejected: 2,
    // Models are told by what they did: the cache and refusals are none of it.
    byModel: [{ modelId: 'nearest-x2', requests: answered.length, errors: 0 }],
  });
  const times = [...answered, ...again].map(({ ms }) => ms).sort((a, b) => a - b);
  expect(serving.p50Ms).toBeGreaterThan(0.98 * HOST_MS);
  expect(serving.p95Ms).toBeGreaterThanOrEqual(serving.p50Ms as number);
  expect(serving.p95Ms).toBeLessThan(1.02 * (times.at(-1) as number));
  // The model's own time has neither the host nor the queue in it.
  expect(serving.byModel[0]?.p50Ms).toBeLessThan(serving.p50Ms as number);
}, 60_000);

test('jobs that are closed and opened again in one process are counted once', async () => {
  const registry = new Registry();
  const plugin = { registry };
  const other = await createJobsFolder(1);
  const jobCount = async () => {
    const { values } = await (registry.getSingleMetric('dualscale_jobs') as Gauge).get();
    return values.reduce((sum, { value }) => sum + value, 0);
  };
  const first = await openJobsBox(other, { plugin });
  await first.post('/jobs', FINETUNE);
  expect(await jobCount()).toBe(1);
  await first.close();
  expect(await jobCount()).toBe(0);
  const second = await openJobsBox(other, { plugin });
  expect(await jobCount()).toBe(1);
  await second.close();
  const { values } = await (registry.getSingleMetric('dualscale_model_info') as Gauge).get();
  expect([await jobCount(), values]).toEqual([0, []]);
  await other.remove();
}, 60_000);
