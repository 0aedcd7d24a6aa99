/**
 * Runs the tiles of pictures on worker threads, because a session blocks the thread that calls it.
 * A worker that dies is replaced, and its tile is done once more: a tile that kills two workers
 * fails its call, and only that.
 */
import { availableParallelism } from 'node:os';
import { badOption, DualscaleError } from '../../errors.ts';
import { chooseRuntime } from '../choose-runtime.ts';
import type { ProviderLogger } from '../provider.ts';
import type { EngineName, Provider, Runtime, TfjsBackend } from '../runtime.ts';
import type { ServedModel } from '../served/served-types.ts';
import { createModelSharer } from '../tile/share-model.ts';
import type { SharedDestination, SharedImage, SharedModel, Tile, TileDifference, TileTask } from '../tile/tile-task.ts';
import { type Script, scriptFor } from '../worker-script.ts';
import { Call, CallQueue, NO_DIFFERENCE, type Turn } from './call-queue.ts';
import { startThreads, type Threads } from './worker-threads.ts';

export interface TilePoolOptions {
  /** Models must be compiled for the same. @default 'onnx' */
  readonly engine?: EngineName;
  /**
   * Where the network runs: a provider of `onnx` or a backend of `tfjs`. `auto` takes the fastest
   * that works here. @default 'auto'
   */
  readonly provider?: 'auto' | Provider | TfjsBackend;
  /**
   * Worker threads, 1 to 1024. @default the CPU cores this process may use; 1 on a GPU, which runs
   * one tile at a time anyway, and 1 on `tensorflow`, which takes no other number
   */
  readonly workers?: number;
  /**
   * Intra-op threads of a worker while others work too, 1 to 1024. With `tfjs`, whose backends have
   * no such setting, only 1. @default 1
   */
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
  /**
   * Share of every tile's rows that the dual network checks, 0 to 1, where the model has one.
   * @default 0
   */
  readonly checkShare?: number;
  /** For models with a vector; see `TileTask`. */
  readonly vector?: Float32Array;
  readonly estimate?: SharedArrayBuffer;
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
  return new TilePool({
    runtime,
    workers: options.workers ?? defaultWorkers(runtime),
    threadsPerWorker,
    script: scriptFor(import.meta.url, `../tile/${runtime.engine === 'onnx' ? 'tile-worker' : 'tfjs-tile-worker'}`),
    logger,
    onClosed: release,
    onWorkerDeath: options.onWorkerDeath,
  });
}

interface StartOptions {
  readonly runtime: Runtime;
  readonly workers: number;
  readonly threadsPerWorker: number;
  /** The module that exports `runTile`; tests pass one that dies. */
  readonly script: Script;
  readonly logger?: ProviderLogger;
  readonly onWorkerDeath?: () => void;
  /** Called when all workers have stopped. */
  readonly onClosed?: () => void;
}

export class TilePool {
  readonly runtime: Runtime;
  readonly workers: number;
  readonly threadsPerWorker: number;
  /** Most intra-op threads of a tile. */
  readonly maxThreads: number;
  readonly #options: StartOptions;
  readonly #threads: Threads;
  readonly #share: (model: ServedModel) => SharedModel;
  readonly #queue = new CallQueue();
  #running = 0;
  #isClosed = false;

  constructor(options: StartOptions) {
    const { runtime, workers, threadsPerWorker } = options;
    this.runtime = runtime;
    this.workers = workers;
    this.threadsPerWorker = threadsPerWorker;
    this.maxThreads = runtime.engine === 'onnx' ? workers * threadsPerWorker : 1;
    this.#options = options;
    this.#threads = startThreads(workers, options.script, options.logger);
    this.#share = createModelSharer(runtime);
  }

  /** Workers that would start a tile at once, 0 to `workers`. */
  get idleWorkers(): number {
    return this.#queue.calls.length > 0 ? 0 : this.workers - this.#running;
  }

  /**
   * Resolves when every tile is written to the destination, with what the checks found. Throws
   * DS_ABORTED at once when `signal` fires (tiles that have not started are dropped, the others end
   * unseen), DS_WORKER_CRASHED when two workers die on one of them, DS_ENGINE when the network
   * fails.
   */
  async run(job: TileJob, signal?: AbortSignal): Promise<TileDifference> {
    if (this.#isClosed) throw aborted('the pool is closed');
    if (signal?.aborted) throw aborted('the call was aborted');
    if (job.tiles.length === 0) return NO_DIFFERENCE;
    const call = new Call(this.#tasksOf(job));
    const onAbort = () => this.#queue.fail(call, aborted('the call was aborted'));
    signal?.addEventListener('abort', onAbort);
    this.#queue.calls.push(call);
    this.#startWaiting();
    return call.result.finally(() => signal?.removeEventListener('abort', onAbort));
  }

  /** Rejects what waits with DS_ABORTED, lets running tiles end, stops the workers. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const call of [...this.#queue.calls]) this.#queue.fail(call, aborted('the pool was closed'));
    await this.#threads.close();
    this.#options.onClosed?.();
  }

  #tasksOf(job: TileJob): TileTask[] {
    const { runtime } = this;
    const { source, destination, threads, checkShare = 0, vector, estimate } = job;
    if (job.model.engine !== runtime.engine) {
      const message = `${job.model.id} was compiled for the engine ${job.model.engine}, these workers run ${runtime.engine}`;
      throw new DualscaleError('DS_ENGINE', message);
    }
    const common = {
      model: this.#share(job.model),
      runtime,
      threads,
      source,
      destination,
      checkShare,
      vector,
      estimate,
    };
    return job.tiles.map((tile) => ({ ...common, tile }));
  }

  #startWaiting(): void {
    while (this.#running < this.workers) {
      const turn = this.#queue.next();
      if (!turn) return;
      this.#running += 1;
      void this.#work(turn);
    }
  }

  async #work(turn: Turn): Promise<void> {
    try {
      const outcome = await this.#threads.run(turn.task);
      if (outcome.ok) turn.call.tileDone(outcome);
      else this.#queue.fail(turn.call, new DualscaleError('DS_ENGINE', `the network failed: ${outcome.message}`));
    } catch (cause) {
      const crash = new DualscaleError('DS_WORKER_CRASHED', `a worker crashed: ${String(cause)}`, { cause });
      this.#options.logger?.warn(`${crash.message}; it is replaced`);
      this.#options.onWorkerDeath?.();
      if (!this.#queue.retry(turn)) this.#queue.fail(turn.call, crash);
    }
    this.#running -= 1;
    this.#startWaiting();
  }
}
