/** The networks of one worker: made on first use, the least recently used one released when there are too many. */
import type { CheckWindow } from './check-window.ts';
import type { EnlargedTile } from './enlarged-tile.ts';
import type { TileTask } from './tile-task.ts';

/** One network, ready to run in this worker. */
export interface TileNetwork {
  /**
   * `image` [1, height, width, 3] in 0..1. `use` gets the result; the memory behind it may be reused once `use` has returned. With `check` and a model that has a dual network `use` also gets what that makes of those rows of the result:
   * [1, check.rows, width, 3].
   */
  run(
    image: Float32Array,
    options: TileRunOptions,
    use: (enlarged: EnlargedTile, reduced?: Float32Array) => void,
  ): Promise<void>;
  /** The code of `image`; only networks with a code have it. */
  estimate?(image: Float32Array, size: Pick<TileRunOptions, 'width' | 'height'>): Promise<Float32Array>;
  release(): Promise<void>;
}

export interface TileRunOptions {
  readonly width: number;
  readonly height: number;
  readonly check?: CheckWindow;
  /** Given exactly to networks with a code. */
  readonly code?: Float32Array;
}

/** Two thread counts for each of a current and a previous model: a server that switches models drops no network in use. */
const MAX_NETWORKS = 4;

/** Gives the network of a task; tasks with equal models, runtimes and threads share it. */
export function createTileNetworks(
  create: (task: TileTask) => Promise<TileNetwork>,
): (task: TileTask) => Promise<TileNetwork> {
  const networks = new Map<string, Promise<TileNetwork>>();
  return async (task) => {
    const { model, runtime, threads } = task;
    const key = `${model.digest} ${runtime.provider} ${threads}`;
    const network = networks.get(key) ?? create(task);
    networks.delete(key);
    networks.set(key, network);
    if (networks.size > MAX_NETWORKS) {
      const [oldestKey, oldest] = networks.entries().next().value as [string, Promise<TileNetwork>];
      networks.delete(oldestKey);
      await oldest.then((unused) => unused.release());
    }
    try {
      return await network;
    } catch (error) {
      networks.delete(key);
      throw error;
    }
  };
}
