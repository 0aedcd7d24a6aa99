/** What runs in a worker thread: one tile through the network. A worker runs one task at a time. */
import { Tensor } from 'onnxruntime-node';
import { cutTile, writeTile } from './tile-pixels.ts';
import { sessionFor } from './tile-sessions.ts';
import type { TileOutcome, TileTask } from './tile-task.ts';

async function enlargeTile(task: TileTask): Promise<void> {
  const { model, source, tile, destination } = task;
  const session = await sessionFor(model, task.provider, task.threads);
  const image = new Tensor('float32', cutTile(source, tile), [1, tile.read.height, tile.read.width, 3]);
  const { enlarged } = await session.run({ image }, ['enlarged']);
  const expected = [1, tile.read.height * model.scale, tile.read.width * model.scale, 3];
  if (enlarged?.dims.join() !== expected.join()) {
    throw new Error(`expected \`enlarged\` of shape [${expected}], got [${enlarged?.dims}]`);
  }
  writeTile(enlarged.data as Float32Array, tile, model.scale, destination);
  // Freed now: garbage collection does not see native memory and would let it pile up.
  enlarged.dispose();
}

export async function runTile(task: TileTask): Promise<TileOutcome> {
  try {
    await enlargeTile(task);
    return { ok: true };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
