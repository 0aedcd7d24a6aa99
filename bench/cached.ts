/** Requests a second that are answered from the memory cache, for a picture of about 100 KB. */
import type { Benchmark } from './benchmark.ts';
import { forkCase } from './fork-case.ts';
import { describeModel, openModelUnderTest } from './model-under-test.ts';
import type { RawLoadConfig, RawLoadReport } from './raw-load-case.ts';
import { type Service, startService } from './service-case.ts';

const SECONDS = 10;
const CONNECTIONS = 32;
/** Enlarged by four and written as JPEG this makes about 100 KB. */
const SIZE = { width: 210, height: 160 };

async function measure({ url, report }: Service) {
  const path = `${url}/0?upscale=4`;
  const bytes = (await (await fetch(path)).arrayBuffer()).byteLength;
  const load = (seconds: number) => {
    const config: RawLoadConfig = { url: path, connections: CONNECTIONS, seconds };
    return forkCase<RawLoadReport>('raw-load-case', config);
  };
  await load(2);
  await report();
  const result = await load(SECONDS);
  return { bytes, result, delay: await report() };
}

export const cached: Benchmark = {
  name: 'cached',
  async run(options) {
    const model = await openModelUnderTest(options);
    const { modelsDir, stored } = model;
    const service = await startService({
      options: { modelsDir, models: { 4: stored.manifest.id } },
      sizes: [SIZE],
      isUnique: false,
    });
    try {
      const { bytes, result, delay } = await measure(service);
      const row = {
        'bytes of the picture': bytes,
        connections: CONNECTIONS,
        'requests/s': result.requestsPerSecond,
        'p50 ms': result.p50Ms,
        'p99 ms': result.p99Ms,
        'server CPU ms/request': delay.cpuMs / result.requests,
      };
      return {
        tables: [{ title: `Cached pictures over HTTP (node:http, ${describeModel(model)})`, rows: [row] }],
        goals: [{ name: 'cached pictures, requests/s', wanted: { atLeast: 3000 }, value: result.requestsPerSecond }],
        notes: ['The client asks from another process on the same machine: the two share its cores.'],
      };
    } finally {
      await service.stop();
      await model.remove();
    }
  },
};
