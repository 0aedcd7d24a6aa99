/** The real worker, except that some digests kill the thread it runs in. */
import type { TileOutcome, TileTask } from '../../../src/core/engine/tile/tile-task.ts';
import { runTile as runRealTile } from '../../../src/core/engine/tile/tile-worker.ts';

export type DeadlyDigest = 'die-by-exit' | 'die-by-throw' | 'die-by-memory' | 'die-once';

const deaths: Record<Exclude<DeadlyDigest, 'die-once'>, () => void> = {
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
  if (task.model.digest.startsWith('die-once' satisfies DeadlyDigest)) {
    // The only memory that outlives the thread; the tile overwrites it in the end.
    const { x, y } = task.tile;
    const { pixels, width } = task.destination;
    const mark = new Uint8Array(pixels, (y * width + x) * task.model.scale * 3, 1);
    if (mark[0] === 0) {
      mark[0] = 1;
      process.exit(3);
    }
  }
  const die = deaths[task.model.digest as keyof typeof deaths] as (() => void) | undefined;
  if (!die) return runRealTile(task);
  die();
  return new Promise(() => {});
}
