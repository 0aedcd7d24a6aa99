/** Requests a second that are answered from the memory cache, for a picture of about 100 KB. */
import autocannon from 'autocannon';
import type { Benchmark } from './benchmark.ts';
import { describeModel, openModelUnderTest } from './model-under-test.ts';
import { type Service, startService } from './service-case.ts';

const SECONDS = 10;
const CONNECTIONS = 32;
/** Enlarged by four and written as JPEG this makes about 100 KB. */
const SIZE = { width: 210, height: 160 };

async function measure({ url, report }: Service) {
  const path = `${url}/0?upscale=4`;
  const bytes = (await (await fetch(path)).arrayBuffer()).byteLength;
  await autocannon({ url: path, connections: CONNECTIONS, duration: 2 });
  await report();
  const result = await autocannon({ url: path, connections: CONNECTIONS, duration: SECONDS });
  if (result.non2xx + result.errors > 0)
    throw new Error(`${result.non2xx} answers were not 200, ${result.errors} failed`);
  return { bytes, result, delay: await report() };
}

export const cached: Benchmark = {
  name: 'cached',
  async run(options) {
    const model = await openModelUnderTest(options);
    const { modelsDir, stored } = model;
    const service = await startService({
      options: { modelsDir, models: { 4: stored.manifest.id } },
      ...{ sizes: [SIZE], isUnique: false },
    });
    try {
      const { bytes, result, delay } = await measure(service);
      const row = {
        ...{ 'bytes of the picture': bytes, connections: CONNECTIONS, 'requests/s': result.requests.average },
        ...{ 'p50 ms': result.latency.p50, 'p99 ms': result.latency.p99, 'event loop p99 ms': delay.loopP99Ms },
        'server CPU ms/request': delay.cpuMs / result.requests.total,
      };
      return {
        tables: [{ title: `Cached pictures over HTTP (node:http, ${describeModel(model)})`, rows: [row] }],
        goals: [{ name: 'cached pictures, requests/s', wanted: { atLeast: 3000 }, value: result.requests.average }],
        notes: ['autocannon asks from another process on the same machine: the two share its cores.'],
      };
    } finally {
      await service.stop();
      await model.remove();
    }
  },
};
