/**
 * tfjs-node keeps its state in one place for a whole process, without a lock: a second thread that loads it takes the tensors of the first.
 * So one pool of a process may use it, and none when this thread does.
 */
import { hasLoadedTensorflow } from './tfjs-backend.ts';

let isTaken = false;

/** Undefined when the caller may use it until it calls `releaseTensorflow`; else the reason why not. */
export function claimTensorflow(): string | undefined {
  if (hasLoadedTensorflow()) return 'this thread has loaded tfjs-node, which works on one thread of a process';
  if (isTaken) return 'another pool uses tfjs-node, which works on one thread of a process';
  isTaken = true;
  return undefined;
}

export function releaseTensorflow(): void {
  isTaken = false;
}
