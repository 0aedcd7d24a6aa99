/** Lets the thread that answers requests go before those that compute. */
import { getPriority, setPriority } from 'node:os';
import { isMainThread } from 'node:worker_threads';

/**
 * How much nicer a computing thread is than its process, on the scale of `nice`. Measured with 200 connections on two cores (dev/LOG.md): without it
 * the event loop waits up to a fifth of a second for a core that a network holds.
 */
export const WORKER_NICE = 5;
const NICEST = 19;

/**
 * To be called in a worker thread, before anything starts threads of its own, which inherit the priority. Only on Linux, where a
 * priority belongs to a thread; elsewhere it would be the whole process's.
 */
export function stepBehindTheServer(): void {
  if (isMainThread || process.platform !== 'linux') return;
  try {
    setPriority(0, Math.min(NICEST, getPriority(0) + WORKER_NICE));
  } catch {
    // A sandbox may forbid it: then requests wait a little longer.
  }
}
