import { Counter, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { METRICS } from '../../src/metrics/definitions.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';

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
  metrics.request('upscaled');
  metrics.request('upscaled');
  metrics.stage('infer', 300);
  metrics.pixels('out', 1000);
  metrics.inflight(1);
  metrics.serves('edge-x4', 4);
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
  first.request('upscaled');
  second.request('upscaled');
  const text = await registry.metrics();
  expect(text).toContain('dualscale_requests_total{outcome="upscaled"} 2');
  expect(text).toContain('host_hits_total 1');
});
