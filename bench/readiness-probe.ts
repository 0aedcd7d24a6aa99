/** Asks `/readyz` all the time, from a thread of its own: what the load does to the asker's event loop is not the server's fault. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { scriptFor } from '../src/engine/pool-script.ts';

const EVERY_MS = 100;

export interface ReadinessProbe {
  /** Milliseconds of each answer; an answer other than 200 counts as infinite. */
  stop(): Promise<number[]>;
}

export function probeReadiness(url: string): ReadinessProbe {
  const { file, execArgv } = scriptFor(import.meta.url, 'readiness-probe');
  const worker = new Worker(file, { workerData: { readinessUrl: `${url}/readyz` }, execArgv });
  return {
    stop: () =>
      new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.postMessage('stop');
      }),
  };
}

async function probe(url: string): Promise<void> {
  const times: number[] = [];
  let isDone = false;
  parentPort?.once('message', () => {
    isDone = true;
  });
  // The first answers pay for connecting and compiling.
  for (let i = 0; i < 3; i++) await (await fetch(url)).text();
  while (!isDone) {
    const start = performance.now();
    const answer = await fetch(url);
    await answer.text();
    times.push(answer.status === 200 ? performance.now() - start : Number.POSITIVE_INFINITY);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  parentPort?.postMessage(times);
}

if (!isMainThread && (workerData as { readinessUrl?: string } | null)?.readinessUrl) {
  await probe((workerData as { readinessUrl: string }).readinessUrl);
}
