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

/** A worker's heap holds bookkeeping only (pixels, weights and activations lie outside of it): a leak ends the worker, not the server. */
const MAX_HEAP_MB = 256;

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
  const loading = watchLoadingWorkers(threads);
  const inFlight = new Map<Promise<TileOutcome>, (reason: unknown) => void>();

  threads.on('error', (error: unknown) => {
    logger?.warn(`a worker thread failed: ${String(error)}`);
    // A worker that fails while it starts is not replaced, and tasks without any worker would wait for ever.
    if (threads.threads.length === 0) for (const reject of inFlight.values()) reject(error);
  });

  return {
    run: (task) => {
      const { promise, reject, resolve } = withResolvers<TileOutcome>();
      threads.run(task).then(resolve, reject);
      inFlight.set(promise, reject);
      const forget = () => inFlight.delete(promise);
      promise.then(forget, forget);
      return promise;
    },
    close: async () => {
      // Not Piscina's own `close`: with several busy workers it stops waiting when the first is done (5.3.2).
      await Promise.allSettled(inFlight.keys());
      await loading.settle();
      await threads.destroy();
    },
  };
}

/** `Promise.withResolvers` of Node 22. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** A thread that takes longer is stopped anyway. */
const MAX_MS = 20_000;

export interface LoadingWorkers {
  /** Resolves when every thread has loaded its module or has ended, at the latest after 20 s. */
  settle(): Promise<void>;
}

/**
 * ONNX Runtime's binding ends the whole process when its thread is stopped while it loads ("terminate called after throwing an instance of
 * 'Napi::Error'"), in about one of 25 tries on a busy machine. To be called as soon as the pool is made; the threads that replace others
 * are watched as well.
 */
export function watchLoadingWorkers(threads: Piscina): LoadingWorkers {
  const watched = new WeakSet<Worker>();
  const loading = new Map<Worker, Promise<void>>();

  function watch(worker: Worker) {
    if (watched.has(worker)) return;
    watched.add(worker);
    // The first message a thread of Piscina sends says that its module is loaded.
    const settled = new Promise<void>((resolve) => {
      worker.once('message', () => resolve());
      worker.once('exit', () => resolve());
    });
    loading.set(worker, settled);
    void settled.then(() => loading.delete(worker));
  }

  const watchAll = () => {
    for (const worker of threads.threads) watch(worker);
  };
  watchAll();
  // A replacement starts in the same turn in which its predecessor is given up; Piscina tells of it only once it has loaded.
  threads.on('workerDestroy', () => queueMicrotask(watchAll));

  return {
    async settle() {
      if (loading.size === 0) return;
      // It also keeps the process alive: Piscina's threads do not.
      let giveUp: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        giveUp = setTimeout(resolve, MAX_MS);
      });
      await Promise.race([Promise.all(loading.values()), late]);
      clearTimeout(giveUp);
    },
  };
}
