/** The worker threads themselves: hands each task to an idle worker, replaces those that die. */
import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { ProviderLogger } from '../provider.ts';
import type { TileOutcome, TileTask } from '../tile/tile-task.ts';
import type { Script } from '../worker-script.ts';

export interface Threads {
  /** Rejects when the worker dies. */
  run(task: TileTask): Promise<TileOutcome>;
  /** Lets running tasks end, then stops the threads. */
  close(): Promise<void>;
}

/**
 * A worker's heap holds bookkeeping only (pixels, weights and activations lie outside of it): a
 * leak ends the worker, not the server.
 */
const MAX_HEAP_MB = 256;

/** A thread that takes longer to load its module is stopped anyway. */
const MAX_LOADING_MS = 20_000;

/** @param script a module that exports `runTile(task): Promise<TileOutcome>` */
export function startThreads(count: number, script: Script, logger: ProviderLogger | undefined): Threads {
  const threads = new Piscina<TileTask, TileOutcome>({
    filename: script.file,
    name: 'runTile',
    execArgv: script.execArgv,
    minThreads: count,
    maxThreads: count,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  const loaded = watchLoading(threads);
  const inFlight = new Map<Promise<TileOutcome>, (reason: unknown) => void>();

  threads.on('error', (error: unknown) => {
    logger?.warn(`a worker thread failed: ${String(error)}`);
    // A worker that fails while it starts is not replaced, and tasks without any worker would wait
    // forever.
    if (threads.threads.length === 0) for (const reject of inFlight.values()) reject(error);
  });

  return {
    run(task) {
      let fail!: (reason: unknown) => void;
      const outcome = new Promise<TileOutcome>((resolve, reject) => {
        fail = reject;
        threads.run(task).then(resolve, reject);
      });
      inFlight.set(outcome, fail);
      const forget = () => inFlight.delete(outcome);
      outcome.then(forget, forget);
      return outcome;
    },
    async close() {
      // Not Piscina's own `close`: with several busy workers it stops waiting when the first is
      // done (5.3.2).
      await Promise.allSettled(inFlight.keys());
      await loaded();
      await threads.destroy();
    },
  };
}

/**
 * ONNX Runtime's binding ends the whole process when its thread is stopped while it loads
 * ("terminate called after throwing an instance of 'Napi::Error'"), in about one of 25 tries on a
 * busy machine. To be called as soon as the pool is made; the threads that replace others are
 * watched as well.
 *
 * @returns resolves when every thread has loaded its module or has ended, at the latest after 20 s.
 */
function watchLoading(threads: Piscina): () => Promise<void> {
  const watched = new WeakSet<Worker>();
  const loading = new Set<Promise<void>>();

  const watchAll = () => {
    for (const worker of threads.threads) {
      if (watched.has(worker)) continue;
      watched.add(worker);
      // The first message a thread of Piscina sends says that its module is loaded.
      const settled = new Promise<void>((resolve) => {
        worker.once('message', () => resolve());
        worker.once('exit', () => resolve());
      });
      loading.add(settled);
      void settled.then(() => loading.delete(settled));
    }
  };
  watchAll();
  // A replacement starts in the same turn in which its predecessor is given up; Piscina reports it
  // only once it has loaded.
  threads.on('workerDestroy', () => queueMicrotask(watchAll));

  return async () => {
    if (loading.size === 0) return;
    // The timer also keeps the process alive: Piscina's threads do not.
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, MAX_LOADING_MS);
    });
    await Promise.race([Promise.all(loading), late]);
    clearTimeout(timer);
  };
}
