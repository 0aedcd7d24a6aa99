/**
 * Runs the tiles of pictures on worker threads, because a session blocks the thread that calls it.
 * A worker that dies is replaced, and its tile is done once more: a tile that kills two workers fails its call, and only that.
 */
import { availableParallelism } from 'node:os';
import { badOption, DualscaleError } from '../../errors.ts';
import { chooseRuntime } from '../choose-runtime.ts';
import type { EngineName, Provider, Runtime, TfjsBackend } from '../engine.ts';
import type { ProviderLogger } from '../provider.ts';
import type { ServedModel } from '../served/served-types.ts';
import { createModelSharer } from '../tile/share-model.ts';
import type {
  SharedDestination,
  SharedImage,
  SharedModel,
  Tile,
  TileDifference,
  TileOutcome,
  TileTask,
} from '../tile/tile-task.ts';
import { type Script, scriptFor } from '../worker-script.ts';
import { type CallQueue, createCallQueue, type QueuedCall } from './call-queue.ts';
import { startThreads } from './worker-threads.ts';

export interface TilePoolOptions {
  /** Models must be compiled for the same. @default 'onnx' */
  readonly engine?: EngineName;
  /** Where the network runs: a provider of `onnx` or a backend of `tfjs`. `auto` takes the fastest that works here. @default 'auto' */
  readonly provider?: 'auto' | Provider | TfjsBackend;
  /**
   * Worker threads, 1 to 1024. @default the CPU cores this process may use; 1 on a GPU, which runs one tile at a time anyway, and 1 on
   * `tensorflow`, which takes no other number
   */
  readonly workers?: number;
  /** Intra-op threads of a worker while others work too, 1 to 1024. With `tfjs`, whose backends have no such setting, only 1. @default 1 */
  readonly threadsPerWorker?: number;
  readonly logger?: ProviderLogger;
  /** Told of each worker that died and is replaced. */
  readonly onWorkerDeath?: () => void;
}

export interface TileJob {
  readonly model: ServedModel;
  readonly source: SharedImage;
  readonly tiles: readonly Tile[];
  /** Intra-op threads for each tile. */
  readonly threads: number;
  readonly destination: SharedDestination;
  /** Share of every tile's rows that the dual network checks, 0 to 1, where the model has one. @default 0 */
  readonly checkShare?: number;
  /** For models with a vector; see `TileTask`. */
  readonly vector?: Float32Array;
  readonly estimate?: SharedArrayBuffer;
}

export interface TilePool {
  readonly runtime: Runtime;
  readonly workers: number;
  readonly threadsPerWorker: number;
  /** Most intra-op threads of a tile. */
  readonly maxThreads: number;
  /** Workers that would start a tile at once, 0 to `workers`. */
  readonly idleWorkers: number;
  /**
   * Resolves when every tile is written to the destination, with what the checks found. Throws DS_ABORTED at once when `signal` fires (tiles that have not started are
   * dropped, the others end unseen), DS_WORKER_CRASHED when two workers die on one of them, DS_ENGINE when the network fails.
   */
  run(job: TileJob, signal?: AbortSignal): Promise<TileDifference>;
  /** Rejects what waits with DS_ABORTED, lets running tiles end, stops the workers. */
  close(): Promise<void>;
}

interface Call extends QueuedCall {
  /** Nobody waits for it any more. */
  isOver: boolean;
  unfinished: number;
  difference: TileDifference;
  readonly resolve: (difference: TileDifference) => void;
  readonly reject: (error: DualscaleError) => void;
}

const NO_DIFFERENCE: TileDifference = { sum: 0, count: 0 };

function addDifferences(a: TileDifference, b: TileDifference = NO_DIFFERENCE): TileDifference {
  return { sum: a.sum + b.sum, count: a.count + b.count };
}

function checkCount(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > 1024) throw badOption(name, 'an integer from 1 to 1024', value);
  return value;
}

function aborted(reason: string): DualscaleError {
  return new DualscaleError('DS_ABORTED', reason);
}

/** TensorFlow has one state for a whole process and its own threads. */
function checkTfjsCounts({ workers, threadsPerWorker = 1 }: TilePoolOptions, backend: string): void {
  if (threadsPerWorker !== 1) throw badOption('threadsPerWorker', '1 with the engine tfjs', threadsPerWorker);
  if (backend === 'tensorflow' && workers !== undefined && workers !== 1) {
    throw badOption('workers', '1 with the backend tensorflow, which has threads of its own', workers);
  }
}

function defaultWorkers({ engine, provider }: Runtime): number {
  return provider === 'cpu' || (engine === 'tfjs' && provider === 'wasm') ? availableParallelism() : 1;
}

/** Throws DS_BAD_OPTION when an option is out of range or the provider does not load. */
export async function createTilePool(options: TilePoolOptions = {}): Promise<TilePool> {
  const { threadsPerWorker = 1, logger } = options;
  checkCount('threadsPerWorker', threadsPerWorker);
  if (options.workers !== undefined) checkCount('workers', options.workers);
  const { runtime, release } = await chooseRuntime(options);
  try {
    if (runtime.engine === 'tfjs') checkTfjsCounts(options, runtime.provider);
  } catch (error) {
    release();
    throw error;
  }
  return startTilePool({
    runtime,
    workers: options.workers ?? defaultWorkers(runtime),
    threadsPerWorker,
    script: scriptFor(import.meta.url, `../tile/${runtime.engine === 'onnx' ? 'tile-worker' : 'tfjs-tile-worker'}`),
    logger,
    onClosed: release,
    onWorkerDeath: options.onWorkerDeath,
  });
}

function checkEngine({ id, engine }: ServedModel, runtime: Runtime): void {
  if (engine === runtime.engine) return;
  throw new DualscaleError(
    'DS_ENGINE',
    `${id} was compiled for the engine ${engine}, these workers run ${runtime.engine}`,
  );
}

function makeTasks(job: TileJob, model: SharedModel, runtime: Runtime): TileTask[] {
  const { source, destination, threads, checkShare = 0, vector, estimate } = job;
  const told = { vector, estimate };
  return job.tiles.map((tile) => ({ model, runtime, threads, source, tile, destination, checkShare, ...told }));
}

interface Turn {
  readonly call: Call;
  readonly task: TileTask;
}

interface StartOptions {
  readonly runtime: Runtime;
  readonly workers: number;
  readonly threadsPerWorker: number;
  /** The module that exports `runTile`; tests pass one that dies. */
  readonly script: Script;
  readonly logger?: ProviderLogger | undefined;
  readonly onWorkerDeath?: () => void;
  /** Called when all workers have stopped. */
  readonly onClosed?: () => void;
}

function createCall(pending: TileTask[], resolve: Call['resolve'], reject: Call['reject']): Call {
  return { pending, isOver: false, unfinished: pending.length, difference: NO_DIFFERENCE, resolve, reject };
}

/** Gives a tile back to the queue the first time its worker dies, unless nobody waits for it; false the second time. */
function createRetries(queue: CallQueue<Call>): (turn: Turn) => boolean {
  const retried = new WeakSet<TileTask>();
  return ({ call, task }) => {
    if (retried.has(task)) return false;
    retried.add(task);
    if (!call.isOver) queue.putBack(call, task);
    return true;
  };
}

function reportCrash({ logger, onWorkerDeath }: StartOptions, cause: unknown): DualscaleError {
  const crash = new DualscaleError('DS_WORKER_CRASHED', `a worker crashed: ${String(cause)}`, { cause });
  logger?.warn(`${crash.message}; it is replaced`);
  onWorkerDeath?.();
  return crash;
}

export function startTilePool(options: StartOptions): TilePool {
  const { runtime, workers, threadsPerWorker, onClosed = () => {} } = options;
  const threads = startThreads(workers, options.script, options.logger);
  const queue: CallQueue<Call> = createCallQueue();
  const share = createModelSharer(runtime);
  const retry = createRetries(queue);
  let [running, isClosed] = [0, false];

  const fail = (call: Call, error: DualscaleError) => {
    queue.drop(call);
    call.isOver = true;
    call.reject(error);
  };

  const startWaiting = () => {
    while (running < workers) {
      const turn = queue.next();
      if (!turn) return;
      running++;
      void finish(turn, threads.run(turn.task));
    }
  };

  const finish = async (turn: Turn, outcome: Promise<TileOutcome>) => {
    const { call } = turn;
    try {
      const result = await outcome;
      if (!result.ok) fail(call, new DualscaleError('DS_ENGINE', `the network failed: ${result.message}`));
      else {
        call.difference = addDifferences(call.difference, result.difference);
        if (--call.unfinished === 0) call.resolve(call.difference);
      }
    } catch (cause) {
      const crash = reportCrash(options, cause);
      if (!retry(turn)) fail(call, crash);
    }
    running--;
    startWaiting();
  };

  const enqueue = (job: TileJob, signal: AbortSignal | undefined) => {
    checkEngine(job.model, runtime);
    const pending = makeTasks(job, share(job.model), runtime);
    let onAbort = () => {};
    const result = new Promise<TileDifference>((resolve, reject) => {
      const call = createCall(pending, resolve, reject);
      onAbort = () => fail(call, aborted('the call was aborted'));
      signal?.addEventListener('abort', onAbort);
      queue.add(call);
      startWaiting();
    });
    return result.finally(() => signal?.removeEventListener('abort', onAbort));
  };

  return {
    runtime,
    workers,
    threadsPerWorker,
    maxThreads: runtime.engine === 'onnx' ? workers * threadsPerWorker : 1,
    get idleWorkers() {
      return queue.calls.length > 0 ? 0 : workers - running;
    },
    run: async (job, signal) => {
      if (isClosed) throw aborted('the pool is closed');
      if (signal?.aborted) throw aborted('the call was aborted');
      return job.tiles.length > 0 ? enqueue(job, signal) : NO_DIFFERENCE;
    },
    close: async () => {
      isClosed = true;
      for (const call of [...queue.calls]) fail(call, aborted('the pool was closed'));
      await threads.close();
      onClosed();
    },
  };
}
