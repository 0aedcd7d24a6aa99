import { afterEach, describe, expect, test } from 'vitest';
import { createTilePool, type TileJob, TilePool } from '../../../src/core/engine/pool/pool.ts';
import type { ServedModel } from '../../../src/core/engine/served/served-types.ts';
import { scriptFor } from '../../../src/core/engine/worker-script.ts';
import { planTiles } from '../../../src/core/upscale/plan-tiles.ts';
import { convChainModel } from '../../helpers/onnx-fixtures.ts';
import type { DeadlyDigest } from './pool-dying-worker.ts';

const model = convChainModel({ scale: 2, layers: 4, featureCount: 8 });
/** Slow enough (about 0.1 s a tile) that something can happen while it runs. */
const slowModel = convChainModel({ scale: 2, layers: 12, featureCount: 64 });

function jobOf(
  served: ServedModel,
  options: { size?: number; minTiles?: number } = {},
): TileJob & { isWritten: () => boolean } {
  const { size = 32, minTiles = 1 } = options;
  const tiles = planTiles({ width: size, height: size, halo: served.halo, maxTilePixels: 1e6, minTiles });
  const source = { width: size, height: size, pixels: new SharedArrayBuffer(size * size * 3) };
  const side = size * served.scale;
  const destination = { width: side, height: side, pixels: new SharedArrayBuffer(side * side * 3) };
  const isWritten = () => new Uint8Array(destination.pixels).some((value) => value > 0);
  return { model: served, source, tiles, threads: 1, destination, isWritten };
}

/** The worker of `pool-dying-worker.ts` dies when a model's digest says so. */
function startDyingPool(workers: number, onWorkerDeath = () => {}): TilePool {
  return new TilePool({
    runtime: { engine: 'onnx', provider: 'cpu' },
    workers,
    onWorkerDeath,
    threadsPerWorker: 1,
    script: scriptFor(import.meta.url, 'pool-dying-worker'),
  });
}

describe('createTilePool', () => {
  let pool: TilePool | undefined;
  afterEach(() => pool?.close());

  test.each<DeadlyDigest>(['die-by-exit', 'die-by-throw', 'die-by-memory'])(
    '%s: a dead worker fails only the call it worked for',
    async (digest) => {
      pool = startDyingPool(2);
      const healthy = Array.from({ length: 6 }, () => pool!.run(jobOf(model)));
      const dying = pool.run(jobOf({ ...model, digest }));
      await expect(dying).rejects.toMatchObject({ code: 'DS_WORKER_CRASHED', status: 503 });
      await expect(Promise.all(healthy)).resolves.toHaveLength(6);
    },
  );

  test('a tile whose worker died is done by the next one: no call notices', async () => {
    const deaths: number[] = [];
    pool = startDyingPool(2, () => void deaths.push(1));
    const jobs = [
      jobOf({ ...model, digest: 'die-once a' }, { minTiles: 2 }),
      jobOf({ ...model, digest: 'die-once b' }),
    ];
    const whole = jobOf(model);
    await Promise.all([...jobs, whole].map((job) => pool!.run(job)));
    expect(deaths.length).toBe(3);
    for (const { destination } of jobs) {
      expect(Buffer.compare(Buffer.from(destination.pixels), Buffer.from(whole.destination.pixels))).toBe(0);
    }
  });

  test('goes on working after every worker has died more than once', async () => {
    pool = startDyingPool(2);
    for (let round = 0; round < 3; round++) {
      const dying = Array.from({ length: 2 }, () =>
        pool!.run(jobOf({ ...model, digest: 'die-by-exit' satisfies DeadlyDigest })),
      );
      for (const result of await Promise.allSettled(dying)) expect(result.status).toBe('rejected');
    }
    const job = jobOf(model);
    await pool.run(job);
    expect(job.isWritten()).toBe(true);
    expect(pool.idleWorkers).toBe(2);
  });

  test('a network that cannot be loaded is DS_ENGINE with the reason, and the worker lives on', async () => {
    pool = await createTilePool({ provider: 'cpu', workers: 1 });
    const broken = pool.run(jobOf({ ...model, digest: 'broken', onnx: Uint8Array.of(1, 2, 3) }));
    await expect(broken).rejects.toMatchObject({
      code: 'DS_ENGINE',
      message: expect.stringMatching(/model|protobuf/i),
    });
    await pool.run(jobOf(model));
  });

  test('a network whose result has another size than the scale says is DS_ENGINE', async () => {
    pool = await createTilePool({ provider: 'cpu', workers: 1 });
    const job = jobOf(model);
    const wrong = pool.run({ ...job, model: { ...model, digest: 'wrong-scale', scale: 3 } });
    await expect(wrong).rejects.toThrow(/expected 96x96 pixels of the network, got 64x64/);
  });

  test('an abort rejects at once and drops the tiles that have not started', async () => {
    pool = await createTilePool({ provider: 'cpu', workers: 1 });
    await pool.run(jobOf(slowModel, { size: 96 }));
    const abort = new AbortController();
    const job = jobOf(slowModel, { size: 256, minTiles: 32 });
    const start = performance.now();
    const aborted = pool.run(job, abort.signal);
    const next = pool.run(jobOf(model));
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'DS_ABORTED' });
    const rejectedAfterMs = performance.now() - start;
    await next;
    const freeAfterMs = performance.now() - start;
    await pool.run({ ...job, tiles: job.tiles.slice(0, 4) });
    const fourTilesMs = performance.now() - start - freeAfterMs;
    expect(rejectedAfterMs).toBeLessThan(fourTilesMs / 4);
    // All 32 tiles would have taken eight times four tiles.
    expect(freeAfterMs).toBeLessThan(fourTilesMs * 2);
  });

  test('a signal that has fired already starts nothing', async () => {
    pool = await createTilePool({ provider: 'cpu', workers: 1 });
    const job = jobOf(model);
    await expect(pool.run(job, AbortSignal.abort())).rejects.toMatchObject({ code: 'DS_ABORTED' });
    expect(pool.idleWorkers).toBe(1);
    expect(job.isWritten()).toBe(false);
  });

  test('a small picture does not wait for all tiles of a large one', async () => {
    pool = await createTilePool({ provider: 'cpu', workers: 1 });
    const order: string[] = [];
    const large = pool.run(jobOf(slowModel, { size: 256, minTiles: 16 })).then(() => order.push('large'));
    const small = pool.run(jobOf(model)).then(() => order.push('small'));
    await Promise.all([large, small]);
    expect(order).toEqual(['small', 'large']);
  });

  test('works with more models than a worker keeps sessions', async () => {
    pool = await createTilePool({ provider: 'cpu', workers: 1 });
    const models = Array.from({ length: 7 }, (_, i) =>
      convChainModel({ scale: 2, layers: 3, featureCount: 4, seed: i + 1 }),
    );
    const results = async () => {
      const pictures: string[] = [];
      for (const served of models) {
        const job = jobOf(served);
        await pool!.run(job);
        pictures.push(Buffer.from(new Uint8Array(job.destination.pixels)).toString('base64'));
      }
      return pictures;
    };
    const first = await results();
    expect(new Set(first).size).toBe(7);
    expect(await results()).toEqual(first);
  });

  test('close rejects what waits, lets running tiles end and refuses new calls', async () => {
    pool = await createTilePool({ provider: 'cpu', workers: 1 });
    const running = pool.run(jobOf(model));
    const waiting = pool.run(jobOf(model));
    const rejected = expect(waiting).rejects.toMatchObject({ code: 'DS_ABORTED' });
    await pool.close();
    await running;
    await rejected;
    await expect(pool.run(jobOf(model))).rejects.toMatchObject({ code: 'DS_ABORTED' });
  });
});
