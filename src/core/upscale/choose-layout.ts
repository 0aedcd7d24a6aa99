/** How a picture is spread over the workers that are free: a few tiles with many threads, or many tiles with one. */
import type { Tile } from '../engine/tile/tile-task.ts';
import { type PlanTilesOptions, planTiles } from './plan-tiles.ts';

export interface Layout {
  readonly tiles: readonly Tile[];
  /** Intra-op threads for each tile. */
  readonly threads: number;
}

export interface LayoutOptions extends Omit<PlanTilesOptions, 'minTiles'> {
  readonly workers: number;
  readonly idleWorkers: number;
  readonly threadsPerWorker: number;
  /** Most intra-op threads of a tile. @default workers * threadsPerWorker */
  readonly maxThreads?: number;
  /** Other pictures are being decoded or encoded: they will want a worker soon, though all may be idle now. @default false */
  readonly isShared?: boolean;
}

/** Part of a run that more threads do not shorten: two threads were 1.8 times as fast as one (2-core CPU, 32 channels, 128x128 to 256x256). */
const SERIAL_PART = 0.1;

function speedup(threads: number): number {
  return 1 / (SERIAL_PART + (1 - SERIAL_PART) / threads);
}

/** Time until the last tile is done, in pixels that one thread reads. */
function estimateTime({ tiles, threads }: Layout, lanes: number): number {
  const largest = Math.max(...tiles.map(({ read }) => read.width * read.height));
  return (Math.ceil(tiles.length / lanes) * largest) / speedup(threads);
}

/**
 * While others wait, each tile costs least when it is as large as allowed and has one worker's threads. A picture that has the pool to itself
 * takes what is estimated to answer first: the same, as many tiles for each worker, or (a single tile) all threads in one worker.
 */
export function chooseLayout(options: LayoutOptions): Layout {
  const { workers, threadsPerWorker, isShared = false } = options;
  const idleWorkers = isShared ? Math.min(options.idleWorkers, workers - 1) : options.idleWorkers;
  const fewest = planTiles(options);
  const lanes = Math.max(1, idleWorkers);
  let best: { layout: Layout; time: number } | undefined;
  const consider = (layout: Layout, tilesAtOnce: number) => {
    const time = estimateTime(layout, tilesAtOnce);
    if (!best || time < best.time) best = { layout, time };
  };
  consider({ tiles: fewest, threads: threadsPerWorker }, lanes);
  if (lanes > 1 && options.halo !== undefined) {
    const rounds = Math.ceil(fewest.length / lanes);
    consider({ tiles: planTiles({ ...options, minTiles: rounds * lanes }), threads: threadsPerWorker }, lanes);
  }
  if (idleWorkers === workers && fewest.length === 1) {
    const all = workers * threadsPerWorker;
    consider({ tiles: fewest, threads: Math.min(all, options.maxThreads ?? all) }, 1);
  }
  return (best as { layout: Layout; time: number }).layout;
}
