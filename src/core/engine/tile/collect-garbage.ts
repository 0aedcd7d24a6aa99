/** Frees what one thread has just dropped, without waiting for its garbage collector. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options?: { readonly type: 'minor' }) => void;

let collect: Collect | undefined;

function findCollector(): Collect {
  // There is no other way to reach it in a process that was started without the flag, and operators start the process.
  // The flag is the whole process's and stays: another thread may be about to make its context.
  setFlagsFromString('--expose-gc');
  const found = runInNewContext('globalThis.gc') as Collect | undefined;
  return found ?? (() => {});
}

/**
 * Collects the young generation of this thread. Pictures come to a worker in memory shared with the server: it is freed when the last thread
 * has let go of it, and a worker, whose own heap hardly grows, would hold on to several for minutes. Below a millisecond where the heap is small.
 */
export function collectYoung(): void {
  collect ??= findCollector();
  collect({ type: 'minor' });
}

/**
 * Collects everything this thread has dropped, which takes tens of milliseconds, and lets V8 see how little is needed: until its first full
 * collection it lets a heap grow to a limit that the machine's memory sets, which a server with little to do reaches after minutes.
 */
export function collectAll(): void {
  collect ??= findCollector();
  collect();
}
