/** Which of a pool's worker threads are still loading their module: such a thread must not be stopped. */
import type { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';

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
