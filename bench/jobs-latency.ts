/**
 * p95 of `?upscale=4` requests without a job, with one at default settings, and with one that stands still under load.
 * npx tsx bench/jobs-latency.ts [seconds of each part]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { copyModels } from '../src/cli/open-models.ts';
import { startServer } from '../src/cli/serve/server.ts';
import { PACKAGE_ROOT } from '../src/core/version.ts';
import type { JobView } from '../src/jobs/queue/job.ts';
import type { PluginJobsOptions } from '../src/server/plugin.ts';
import { createClient, TOKEN } from '../test/jobs/jobs-box.ts';

const seconds = Number(process.argv[2] ?? 60);
const folder = await mkdtemp(join(tmpdir(), 'dualscale-jobs-latency-'));
const silent = { info: () => {}, warn: () => {}, error: console.error };

/** One request after the other, twice a second: a site with some visitors, not one that is full. */
async function measure(
  url: string,
): Promise<{ readonly requests: number; readonly p50Ms: number; readonly p95Ms: number }> {
  const { photos } = (await (await fetch(`${url}photos.json`)).json()) as { photos: string[] };
  const times: number[] = [];
  const end = performance.now() + 1000 * seconds;
  for (let i = 0; performance.now() < end; i++) {
    const start = performance.now();
    const response = await fetch(`${url}photos/${photos[i % photos.length]}?upscale=4&n=${i}`);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${response.status}`);
    times.push(performance.now() - start);
    await sleep(Math.max(0, 500 - (performance.now() - start)));
  }
  const sorted = times.sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
  return { requests: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95) };
}

async function part(name: string, jobs: Partial<PluginJobsOptions> | undefined): Promise<void> {
  const modelsDir = await copyModels(join(PACKAGE_ROOT, 'models'), join(folder, 'models'));
  const server = await startServer({
    port: 0,
    logger: silent,
    dualscale: { modelsDir, provider: 'cpu', models: { 4: 'edge-s-x4' }, cache: { memoryBytes: 0 } },
    jobs: { dir: join(folder, name), token: TOKEN, ...jobs },
  });
  const client = createClient(server.url.slice(0, -1));
  if (jobs) {
    const body = { type: 'finetune', model: 'edge-s-x4', data: { folders: ['photos'] }, budget: { steps: 1_000_000 } };
    const { id } = (await (await client.post('/jobs', body)).json()) as JobView;
    await client.waitFor(id, ({ progress }) => progress.stage === 'train' && progress.step > 0);
  }
  console.log(JSON.stringify({ part: name, seconds, ...(await measure(server.url)) }));
  await server.close();
}

await part('no-job', undefined);
await part('job', {});
await part('job-that-pauses', { pauseAboveLoad: 0.2 });
await rm(folder, { recursive: true });
