/** What HTTP, decoding and encoding leave of the engine's throughput: uncached 256x256 to x4, both with the same workers. */

import { compileServedModel } from '../src/core/engine/served/served-model.ts';
import type { ServedModel } from '../src/core/engine/served/served-types.ts';
import { median } from '../src/core/measure/percentile.ts';
import type { PixelImage } from '../src/core/pixels/image.ts';
import { createUpscaler } from '../src/core/upscale/upscale.ts';
import type { Upscaler } from '../src/core/upscale/upscaler.ts';
import type { Benchmark } from './benchmark.ts';
import { describeModel, openModelUnderTest } from './model-under-test.ts';
import { closedLoopRate, startService } from './service-case.ts';

const SIDE = 256;
const WORKERS = 2;
/** Two pictures are in the workers, the others are decoded and encoded meanwhile. */
const CONCURRENCY = 5;
const ROUNDS = 5;
const SECONDS = 8;

const PICTURE: PixelImage = {
  width: SIDE,
  height: SIDE,
  channels: 3,
  data: Uint8Array.from({ length: SIDE ** 2 * 3 }, (_, i) => (i * 7) % 256),
};

async function engineRate(upscaler: Upscaler, model: ServedModel): Promise<number> {
  const start = performance.now();
  let done = 0;
  const client = async () => {
    while (performance.now() < start + SECONDS * 1000) {
      await upscaler.upscale(PICTURE, model);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, client));
  return (done * 1000) / (performance.now() - start);
}

export const sustained: Benchmark = {
  name: 'sustained',
  async run(options) {
    const model = await openModelUnderTest(options);
    const { modelsDir, stored } = model;
    const upscaler = await createUpscaler({ provider: 'cpu', workers: WORKERS });
    const service = await startService({
      options: { modelsDir, models: { 4: stored.manifest.id }, workers: WORKERS, concurrency: CONCURRENCY },
      sizes: [{ width: SIDE, height: SIDE }],
      isUnique: true,
    });
    try {
      const served = compileServedModel(stored);
      const engine: number[] = [];
      const http: number[] = [];
      // In turns: a machine that becomes slower meanwhile slows both, and the ratio stays.
      for (let round = 0; round <= ROUNDS; round++) {
        const alone = await engineRate(upscaler, served);
        const asked = { clients: CONCURRENCY, seconds: SECONDS, pathOf: () => '/0?upscale=4' };
        const overHttp = await closedLoopRate(service.url, asked);
        // The first round makes sessions and warms caches.
        if (round === 0) continue;
        engine.push(alone);
        http.push(overHttp);
        options.log(`engine alone ${alone.toFixed(2)} pictures/s, over HTTP ${overHttp.toFixed(2)}`);
      }
      const ratios = http.map((rate, i) => rate / (engine[i] as number));
      const row = {
        'engine alone, pictures/s': median(engine),
        'over HTTP, pictures/s': median(http),
        ratio: median(ratios),
      };
      return {
        tables: [{ title: `256x256 JPEG to x4, ${WORKERS} workers (${describeModel(model)})`, rows: [row] }],
        goals: [
          {
            name: 'uncached throughput over HTTP against the engine alone',
            wanted: { atLeast: 0.9 },
            value: row.ratio,
          },
        ],
        notes: [`${CONCURRENCY} pictures at a time in both; every answer is another picture, so no cache helps.`],
      };
    } finally {
      await service.stop();
      await upscaler.close();
      await model.remove();
    }
  },
};
