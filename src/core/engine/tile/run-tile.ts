/**
 * One tile through a network, from shared pixels to shared pixels: what the workers of every engine
 * do.
 */

import { getPriority, setPriority } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { checkWindow, differTile } from './check-window.ts';
import { createTileNetworks, type TileNetwork } from './tile-networks.ts';
import { cutTile, writeTile } from './tile-pixels.ts';
import type { TileDifference, TileOutcome, TileTask } from './tile-task.ts';

export type TileRunner = (task: TileTask) => Promise<TileOutcome>;

async function estimateTile(
  network: TileNetwork,
  { source, tile }: TileTask,
  result: SharedArrayBuffer,
): Promise<undefined> {
  const vector = await network.estimate?.(cutTile(source, tile), tile.read);
  if (!vector) throw new Error('this network has no estimator');
  new Float32Array(result).set(vector);
}

/** @param create throws for a task of another engine. */
export function createTileRunner(create: (task: TileTask) => Promise<TileNetwork>): TileRunner {
  const networkFor = createTileNetworks(create);

  const enlargeTile = async (task: TileTask): Promise<TileDifference | undefined> => {
    const { model, source, tile, destination, checkShare, vector } = task;
    const network = await networkFor(task);
    if (task.estimate) return estimateTile(network, task, task.estimate);
    if (model.vectorWidth !== vector?.length)
      throw new Error(
        `expected a degradation vector of ${model.vectorWidth ?? 'no'} numbers, got ${vector?.length ?? 'none'}`,
      );
    const [width, height] = [tile.read.width * model.scale, tile.read.height * model.scale];
    const values = cutTile(source, tile);
    let difference: TileDifference | undefined;
    const check = checkShare > 0 ? checkWindow(tile, checkShare) : undefined;
    const options = { ...tile.read, check, vector };
    await network.run(values, options, (enlarged, reduced) => {
      if (enlarged.width !== width || enlarged.height !== height) {
        throw new Error(`expected ${width}x${height} pixels of the network, got ${enlarged.width}x${enlarged.height}`);
      }
      writeTile(enlarged, tile, model.scale, destination);
      if (reduced && check) difference = differTile(reduced, values, tile, check);
    });
    return difference;
  };

  return async (task) => {
    try {
      const difference = await enlargeTile(task);
      return difference ? { ok: true, difference } : { ok: true };
    } catch (error) {
      return { ok: false, message: error instanceof Error ? error.message : String(error) };
    }
  };
}

/**
 * How much nicer a computing thread is than its process, on the scale of `nice`. Measured with 200
 * connections on two cores (dev/LOG.md): without it the event loop waits up to a fifth of a second
 * for a core that a network holds.
 */
export const WORKER_NICE = 5;
const NICEST = 19;

/**
 * To be called in a worker thread, before anything starts threads of its own, which inherit the
 * priority. Only on Linux, where a priority belongs to a thread; elsewhere it would be the whole
 * process's.
 */
export function stepBehindTheServer(): void {
  if (isMainThread || process.platform !== 'linux') return;
  try {
    setPriority(0, Math.min(NICEST, getPriority(0) + WORKER_NICE));
  } catch {
    // A sandbox may forbid it: then requests wait a little longer.
  }
}
