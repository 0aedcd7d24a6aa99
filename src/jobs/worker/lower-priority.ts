import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * Lets every other process go first. On Linux a priority belongs to a thread: those that run already are set one by one, later
 * ones inherit it.
 */
export function lowerPriority(nice: number): void {
  const threads = process.platform === 'linux' ? readdirSync('/proc/self/task').map(Number) : [0];
  for (const thread of threads) {
    try {
      setPriority(thread, nice);
    } catch {
      // A thread that has ended meanwhile.
    }
  }
}
