import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { createTilePool, type TilePool } from '../../../src/core/engine/pool/pool.ts';
import { WORKER_NICE } from '../../../src/core/engine/tile/run-tile.ts';
import { planTiles } from '../../../src/core/upscale/plan-tiles.ts';
import { convChainModel } from '../../helpers/onnx-fixtures.ts';

const model = convChainModel({ scale: 2, layers: 4, featureCount: 8 });

/** How nice each thread of this process is. */
const threadsNice = (): number[] => readdirSync('/proc/self/task').map((thread) => getPriority(Number(thread)));

let pool: TilePool | undefined;
afterEach(() => pool?.close());

test.skipIf(process.platform !== 'linux')(
  'threads that compute are nicer than the one that answers requests',
  async () => {
    const before = getPriority(process.pid);
    const count = (threads: readonly number[]) =>
      threads.filter((nice) => nice === Math.min(19, before + WORKER_NICE)).length;
    const niceBefore = count(threadsNice());
    pool = await createTilePool({ provider: 'cpu', workers: 2 });
    const tiles = planTiles({ width: 32, height: 32, halo: model.halo, maxTilePixels: 1e6, minTiles: 2 });
    const source = { width: 32, height: 32, pixels: new SharedArrayBuffer(32 * 32 * 3) };
    const destination = { width: 64, height: 64, pixels: new SharedArrayBuffer(64 * 64 * 3) };
    await pool.run({ model, source, tiles, threads: 2, destination });
    const nice = threadsNice();
    // Each of the two workers, and the threads that its session started.
    expect(count(nice) - niceBefore).toBeGreaterThanOrEqual(2);
    expect(getPriority(process.pid)).toBe(before);
  },
);
