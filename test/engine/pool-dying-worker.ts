/** The real worker, except that some digests kill the thread it runs in. */
import type { TileOutcome, TileTask } from '../../src/engine/tile-task.ts';
import { runTile as runRealTile } from '../../src/engine/tile-worker.ts';

export type DeadlyDigest = 'die-by-exit' | 'die-by-throw' | 'die-by-memory';

const deaths: Record<DeadlyDigest, () => void> = {
  'die-by-exit': () => process.exit(3),
  'die-by-throw': () =>
    setImmediate(() => {
      throw new Error('thrown outside of the task');
    }),
  'die-by-memory': () => {
    const kept: number[][] = [];
    for (;;) kept.push(new Array(10_000).fill(Math.random()));
  },
};

/** @public Piscina looks it up by name. */
export function runTile(task: TileTask): Promise<TileOutcome> {
  const die = deaths[task.model.digest as DeadlyDigest] as (() => void) | undefined;
  if (!die) return runRealTile(task);
  die();
  return new Promise(() => {});
}
