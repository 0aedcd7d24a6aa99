/**
 * The networks of one worker: made on first use, the least recently used ones released when there
 * are too many or nobody asks for them.
 */
import type { CheckWindow } from './check-window.ts';
import type { EnlargedTile } from './enlarged-tile.ts';
import type { TileTask } from './tile-task.ts';

/** One network, ready to run in this worker. */
export interface TileNetwork {
  /**
   * `image` [1, height, width, 3] in 0..1. `use` gets the result; the memory behind it may be
   * reused once `use` has returned. With `check` and a model that has a dual network `use` also
   * gets what that makes of those rows of the result: [1, check.rows, width, 3].
   */
  run(
    image: Float32Array,
    options: TileRunOptions,
    use: (enlarged: EnlargedTile, reduced?: Float32Array) => void,
  ): Promise<void>;
  /** The degradation vector of `image`; only conditioned networks have it. */
  estimate?(image: Float32Array, size: Pick<TileRunOptions, 'width' | 'height'>): Promise<Float32Array>;
  release(): Promise<void>;
}

export interface TileRunOptions {
  readonly width: number;
  readonly height: number;
  readonly check?: CheckWindow;
  /** Given exactly to conditioned networks. */
  readonly vector?: Float32Array;
}

/** What is kept in any case: two thread counts for each of a current and a previous model. */
const KEPT_NETWORKS = 4;
/** Four scales at two thread counts, and the blind networks and estimators beside two of them. */
const MAX_NETWORKS = 16;
/**
 * Milliseconds after which a network that nobody asked for makes room: with it goes the memory that
 * its largest tile took.
 */
const IDLE_MS = 60_000;

interface Kept {
  readonly network: Promise<TileNetwork>;
  readonly usedAt: number;
}

/** An estimator of ONNX Runtime is a graph of its own, and often all that is asked of a network. */
function keyOf({ model, runtime, threads, estimate }: TileTask): string {
  const part = estimate && runtime.engine === 'onnx' ? 'estimator' : 'network';
  return `${model.digest} ${runtime.provider} ${threads} ${part}`;
}

/**
 * Gives the network of a task; tasks with equal keys share it.
 * @param now milliseconds of a monotonic clock.
 */
export function createTileNetworks(
  create: (task: TileTask) => Promise<TileNetwork>,
  now: () => number = () => performance.now(),
): (task: TileTask) => Promise<TileNetwork> {
  const networks = new Map<string, Kept>();

  const isTooMuch = ({ usedAt }: Kept): boolean =>
    networks.size > MAX_NETWORKS || (networks.size > KEPT_NETWORKS && now() - usedAt > IDLE_MS);

  /** The least recently used ones first. One that could not be made has nothing to release. */
  const makeRoom = async (): Promise<void> => {
    for (const [key, kept] of networks) {
      if (!isTooMuch(kept)) return;
      networks.delete(key);
      await kept.network.then(
        (unused) => unused.release(),
        () => {},
      );
    }
  };

  return async (task) => {
    const key = keyOf(task);
    const network = networks.get(key)?.network ?? create(task);
    networks.delete(key);
    networks.set(key, { network, usedAt: now() });
    await makeRoom();
    try {
      return await network;
    } catch (error) {
      networks.delete(key);
      throw error;
    }
  };
}
