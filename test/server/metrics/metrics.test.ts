import { Counter, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { METRICS } from '../../../src/server/metrics/definitions.ts';
import { createMetrics } from '../../../src/server/metrics/metrics.ts';

test('the registry holds exactly the metrics of the table, with their help and type', async () => {
  const { registry } = createMetrics();
  const registered = await registry.getMetricsAsJSON();
  const facts = registered.map(({ name, help, type }) => ({ name, help, type }));
  const table = Object.entries(METRICS).map(([name, { help, type }]) => ({ name, help, type }));
  expect(facts.sort((a, b) => a.name.localeCompare(b.name))).toEqual(
    table.sort((a, b) => a.name.localeCompare(b.name)),
  );
});

test('what happened is exported in Prometheus text, times in seconds', async () => {
  const metrics = createMetrics();
  metrics.request({ outcome: 'upscaled' });
  metrics.request({ outcome: 'upscaled' });
  metrics.stage('infer', 300);
  metrics.pixels('out', 1000);
  metrics.inflight(1);
  metrics.serves({ id: 'edge-x4', scale: 4 });
  const text = await metrics.registry.metrics();
  expect(text).toContain('dualscale_requests_total{outcome="upscaled"} 2');
  expect(text).toContain('dualscale_stage_duration_seconds_sum{stage="infer"} 0.3');
  expect(text).toContain('dualscale_stage_duration_seconds_bucket{le="0.25",stage="infer"} 0');
  expect(text).toContain('dualscale_stage_duration_seconds_bucket{le="0.5",stage="infer"} 1');
  expect(text).toContain('dualscale_pixels_total{direction="out"} 1000');
  expect(text).toContain('dualscale_inflight 1');
  expect(text).toContain('dualscale_model_info{model="edge-x4",scale="4"} 1');
});

test("two plugins share a host's registry that holds other metrics", async () => {
  const registry = new Registry();
  new Counter({ name: 'host_hits_total', help: 'of the host', registers: [registry] }).inc();
  const [first, second] = [createMetrics(registry), createMetrics(registry)];
  first.request({ outcome: 'upscaled' });
  second.request({ outcome: 'upscaled' });
  const text = await registry.metrics();
  expect(text).toContain('dualscale_requests_total{outcome="upscaled"} 2');
  expect(text).toContain('host_hits_total 1');
});

test('a plugin that lives beside another adds to its levels in place of overwriting them', async () => {
  const registry = new Registry();
  const [first, second] = [createMetrics(registry), createMetrics(registry)];
  first.queue({ running: 2, waiting: 3, waitingCost: 1.5 });
  second.queue({ running: 1, waiting: 0, waitingCost: 0 });
  first.queue({ running: 1, waiting: 1, waitingCost: 0.5 });
  first.cacheSize('memory', { bytes: 100, entries: 2 });
  second.cacheSize('memory', { bytes: 10, entries: 1 });
  const text = await registry.metrics();
  expect(text).toContain('dualscale_running 2');
  expect(text).toContain('dualscale_queue_depth 1');
  expect(text).toContain('dualscale_queue_cost_gigamacs 0.5');
  expect(text).toContain('dualscale_cache_bytes{tier="memory"} 110');
});

test('after a switch the scale has one model, and the switch is counted', async () => {
  const metrics = createMetrics();
  metrics.serves({ id: 'old', scale: 4 });
  metrics.serves({ id: 'new', scale: 4 }, { id: 'old' });
  const text = await metrics.registry.metrics();
  expect(text).toContain('dualscale_model_info{model="new",scale="4"} 1');
  expect(text).not.toContain('model="old"');
  expect(text).toContain('dualscale_model_switches_total{scale="4"} 1');
});

test('a failed enlargement counts by its code and has no duration', async () => {
  const metrics = createMetrics();
  const served = { modelId: 'm', scale: 2, milliseconds: 40 };
  metrics.enlarged({ ...served, consistencyError: 0.6 });
  metrics.enlarged({ ...served, consistencyError: 9, fallback: 'consistency' });
  metrics.enlarged({ ...served, error: 'DS_ENGINE' });
  const text = await metrics.registry.metrics();
  for (const result of ['ok', 'fallback', 'DS_ENGINE']) {
    expect(text).toContain(`dualscale_enlargements_total{model="m",scale="2",result="${result}"} 1`);
  }
  expect(text).toContain('dualscale_enlargement_duration_seconds_count{model="m",scale="2"} 2');
  expect(text).toContain('dualscale_consistency_error_levels_bucket{le="0.75",model="m",scale="2"} 1');
});

test('another prefix replaces the common one in every name', async () => {
  const { registry } = createMetrics(new Registry(), 'images_sr_');
  const names = (await registry.getMetricsAsJSON()).map(({ name }) => name);
  expect(names).toHaveLength(Object.keys(METRICS).length);
  for (const name of names) expect(name).toMatch(/^images_sr_[a-z]/);
});
