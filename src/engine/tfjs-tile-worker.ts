/** What runs in a worker thread of the `tfjs` engine: one task at a time. A file of its own, so that a worker loads one engine only. */
import type { ParameterValues } from '../network/create-network.ts';
import { reduceProgram } from './dual-program.ts';
import type { Tensors } from './engine.ts';
import { createTileRunner } from './run-tile.ts';
import { createServedNetwork, enlargeProgram } from './served-model.ts';
import { createTfjsEngine } from './tfjs-engine.ts';
import type { TileNetwork } from './tile-networks.ts';
import type { TileTask } from './tile-task.ts';

// The native side of tfjs-node takes no shared memory.
function copyValues(parameters: Readonly<Record<string, ParameterValues>>): Record<string, ParameterValues> {
  const entries = Object.entries(parameters);
  return Object.fromEntries(entries.map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data) }]));
}

async function createNetwork({ model, runtime }: TileTask): Promise<TileNetwork> {
  if (model.engine !== 'tfjs' || runtime.engine !== 'tfjs') throw new Error('a task of another engine');
  const engine = await createTfjsEngine({ backend: runtime.provider });
  const { spec, dualParameters } = model;
  const primal = await engine.compile(enlargeProgram(createServedNetwork(spec), copyValues(model.parameters)));
  const hasDual = dualParameters !== undefined && spec.family !== 'lanczos';
  const dual = hasDual ? await engine.compile(reduceProgram(spec, copyValues(dualParameters))) : undefined;
  return {
    async run(data, { width, height, isChecked }, use) {
      const { enlarged } = await primal.run({ image: { dtype: 'float32', shape: [1, height, width, 3], data } });
      if (!enlarged) throw new Error('the program has no output `enlarged`');
      const checked: Tensors = isChecked && dual ? await dual.run({ enlarged }) : {};
      use(enlarged.data as Float32Array, enlarged.shape, checked['reduced']?.data as Float32Array | undefined);
    },
    async release() {
      await primal.release();
      await dual?.release();
    },
  };
}

export const runTile = createTileRunner(createNetwork);
