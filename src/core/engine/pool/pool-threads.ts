/** The worker threads themselves: hands each task to an idle worker, replaces those that die. */
import { Piscina } from 'piscina';
import type { ProviderLogger } from '../provider.ts';
import type { TileOutcome, TileTask } from '../tile/tile-task.ts';
import type { Script } from '../worker-script.ts';
import { watchLoadingWorkers } from './loading-workers.ts';

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
