import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { createMetrics } from '../../../src/server/metrics/metrics.ts';

const LATEST = /^dualscale_job_(?:stage|progress_ratio|loss|psnr_db|latency_seconds)(?:\{.*\})? /;

/** What is exported of the latest job, without the common beginning. */
async function latest(registry: Registry): Promise<readonly string[]> {
  const lines = (await registry.metrics()).split('\n').filter((line) => LATEST.test(line));
  return lines.map((line) => line.replace('dualscale_job_', '')).sort();
}

const STARTED = { type: 'started', data: { attempt: 1, stages: ['train'] } };
const RESUMED = { type: 'resumed', data: { attempt: 2, stage: 'train', step: 10 } };

/** A job as far as it can go, without its end. */
const LIFE = [
  STARTED,
  { type: 'latency', data: { kind: 'target', ms: 100 } },
  { type: 'stage', data: { stage: 'train' } },
  { type: 'progress', data: { ratio: 0.5, loss: 0.25 } },
  { type: 'validation', data: { psnrDb: 31.5 } },
];
const WHOLE = [
  'latency_seconds{kind="target"} 0.1',
  'loss 0.25',
  'progress_ratio 0.5',
  'psnr_db 31.5',
  'stage{stage="train"} 1',
];

function tell(
  { jobs }: ReturnType<typeof createMetrics>,
  job: string,
  events: readonly { type: string; data: object }[],
) {
  for (const event of events) jobs.event({ ...event, job });
}

describe('gauges of the latest job', () => {
  test('have no sample before there is a job: no decibels are not 0 dB', async () => {
    expect(await latest(createMetrics().registry)).toEqual([]);
  });

  test('hold nothing of the job before when another begins', async () => {
    const metrics = createMetrics();
    tell(metrics, 'job-a', LIFE);
    expect(await latest(metrics.registry)).toEqual(WHOLE);
    tell(metrics, 'job-b', [STARTED]);
    expect(await latest(metrics.registry)).toEqual([]);
    tell(metrics, 'job-b', [{ type: 'progress', data: { ratio: 0.1 } }]);
    expect(await latest(metrics.registry)).toEqual(['progress_ratio 0.1']);
  });

  test('go on where a job goes on after its process died', async () => {
    const metrics = createMetrics();
    tell(metrics, 'job-a', [...LIFE, RESUMED]);
    expect(await latest(metrics.registry)).toEqual(WHOLE);
  });

  test('are of the job that began last, also while one before it still runs or goes on', async () => {
    const metrics = createMetrics();
    tell(metrics, 'job-a', LIFE);
    tell(metrics, 'job-b', [STARTED, { type: 'progress', data: { ratio: 0.1 } }]);
    tell(metrics, 'job-a', [
      { type: 'validation', data: { psnrDb: 33 } },
      { type: 'succeeded', data: {} },
    ]);
    expect(await latest(metrics.registry)).toEqual(['progress_ratio 0.1']);
    tell(metrics, 'job-a', [RESUMED]);
    expect(await latest(metrics.registry)).toEqual([]);
  });
});

describe('plugins that share a registry', () => {
  const states = (queued: number, running: number) => ({ queued, running });

  test('add up their jobs and clients', async () => {
    const registry = new Registry();
    const [first, second] = [createMetrics(registry), createMetrics(registry)];
    first.jobs.states(states(3, 1));
    second.jobs.states(states(0, 1));
    first.jobs.states(states(2, 1));
    first.jobs.clients(2);
    second.jobs.clients(5);
    first.jobs.clients(1);
    const text = await registry.metrics();
    expect(text).toContain('dualscale_jobs{state="queued"} 2');
    expect(text).toContain('dualscale_jobs{state="running"} 2');
    expect(text).toContain('dualscale_job_clients 6');
  });

  test('have one latest job between them, which a plugin that comes later leaves alone', async () => {
    const registry = new Registry();
    const first = createMetrics(registry);
    tell(first, 'job-a', LIFE);
    const second = createMetrics(registry);
    expect(await latest(registry)).toEqual(WHOLE);
    tell(second, 'job-b', [STARTED]);
    tell(first, 'job-a', [{ type: 'validation', data: { psnrDb: 33 } }]);
    expect(await latest(registry)).toEqual([]);
  });

  test('serve a scale by a model until the last of them has changed to another', async () => {
    const registry = new Registry();
    const [first, second] = [createMetrics(registry), createMetrics(registry)];
    for (const { serves } of [first, second]) serves({ id: 'old', scale: 4 });
    first.serves({ id: 'new', scale: 4 }, { id: 'old' });
    expect(await registry.metrics()).toContain('dualscale_model_info{model="old",scale="4"} 1');
    second.serves({ id: 'new', scale: 4 }, { id: 'old' });
    const text = await registry.metrics();
    expect(text).not.toContain('model="old"');
    expect(text).toContain('dualscale_model_info{model="new",scale="4"} 1');
  });

  test('take their amounts out when they are closed, not what they have counted', async () => {
    const registry = new Registry();
    const [first, second] = [createMetrics(registry), createMetrics(registry)];
    for (const metrics of [first, second]) {
      metrics.serves({ id: 'edge-x4', scale: 4 });
      metrics.cacheSize('memory', { bytes: 100, entries: 2 });
      metrics.jobs.states(states(1, 0));
      metrics.request({ outcome: 'upscaled', milliseconds: 10 });
    }
    first.withdraw();
    first.withdraw();
    const text = await registry.metrics();
    expect(text).toContain('dualscale_model_info{model="edge-x4",scale="4"} 1');
    expect(text).toContain('dualscale_cache_bytes{tier="memory"} 100');
    expect(text).toContain('dualscale_jobs{state="queued"} 1');
    expect(text).toContain('dualscale_requests_total{outcome="upscaled"} 2');
    second.withdraw();
    expect(await registry.metrics()).not.toContain('edge-x4');
  });
});
