/** The trainer's worker threads: how they start, and how one asks them for something. */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Script } from '../../../core/engine/worker-script.ts';
import { DualscaleError } from '../../../core/errors.ts';

/** From TypeScript sources a worker cannot start on the file itself: the loader acts only on what is imported after it is registered. */
export function startWorker({ file, execArgv }: Script, workerData: object): Worker {
  if (execArgv.length === 0) return new Worker(file, { workerData });
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(pathToFileURL(file).href);
  return new Worker(`import(${loader}).then(({ register }) => { register(); return import(${entry}); })`, {
    eval: true,
    workerData,
    execArgv: [],
  });
}

type WorkerMessage<Answer> =
  | { readonly type: 'ready' | 'done'; readonly answer?: Answer }
  | { readonly type: 'failed'; readonly message: string };

/** What the worker's next message brings. Throws DS_ENGINE when it failed or died. */
export function nextAnswer<Answer = undefined>(worker: Worker): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      stop();
      reject(new DualscaleError('DS_ENGINE', `training worker: ${reason}`));
    };
    const onMessage = (message: WorkerMessage<Answer>) => {
      if (message.type === 'failed') return fail(message.message);
      stop();
      resolve(message.answer as Answer);
    };
    const onError = (error: Error) => fail(error.message);
    const onExit = (code: number) => fail(`exited with code ${code}`);
    const stop = () => worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}
