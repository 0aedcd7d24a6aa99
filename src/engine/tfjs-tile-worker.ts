/** What runs in a worker thread of the `tfjs` engine: one task at a time. A file of its own, so that a worker loads one engine only. */
import { createNetwork as createLayers } from '../network/create-network.ts';
import { createTileRunner } from './run-tile.ts';
import { enlargeProgram } from './served-model.ts';
import { createTfjsEngine } from './tfjs-engine.ts';
import type { TileNetwork } from './tile-networks.ts';
import type { TileTask } from './tile-task.ts';

async function createNetwork({ model, runtime }: TileTask): Promise<TileNetwork> {
  if (model.engine !== 'tfjs' || runtime.engine !== 'tfjs') throw new Error('a task of another engine');
  const engine = await createTfjsEngine({ backend: runtime.provider });
  // The native side of tfjs-node takes no shared memory.
  const parameters = Object.fromEntries(
    Object.entries(model.parameters).map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data) }]),
  );
  const executable = await engine.compile(enlargeProgram(createLayers(model.spec), parameters));
  return {
    async run(data, { width, height }, use) {
      const { enlarged } = await executable.run({ image: { dtype: 'float32', shape: [1, height, width, 3], data } });
      if (!enlarged) throw new Error('the program has no output `enlarged`');
      use(enlarged.data as Float32Array, enlarged.shape);
    },
    release: () => executable.release(),
  };
}

export const runTile = createTileRunner(createNetwork);
