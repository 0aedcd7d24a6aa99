/**
 * What runs in a worker thread of the `tfjs` engine: one task at a time. A file of its own, so that
 * a worker loads one engine only.
 */

import type { ParameterValues } from '../../network/spec.ts';
import type { Tensors } from '../engine.ts';
import { createServedNetwork, estimateProgram, reduceProgram, tileProgram } from '../served/programs.ts';
import { createTfjsEngine } from '../tfjs/tfjs-engine.ts';
import { rowsOf } from './check-window.ts';
import { tileOfPixels } from './enlarged-tile.ts';
import { createTileRunner, stepBehindTheServer } from './run-tile.ts';
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
  const parameters = copyValues(model.parameters);
  const network = createServedNetwork(spec);
  const primal = await engine.compile(tileProgram(network, parameters));
  const estimate = estimateProgram(network, parameters);
  const estimator = estimate && (await engine.compile(estimate));
  const hasDual = dualParameters !== undefined && spec.family !== 'lanczos';
  const dual = hasDual ? await engine.compile(reduceProgram(spec, copyValues(dualParameters))) : undefined;
  return {
    async run(data, { width, height, check, vector }, use) {
      const given: Tensors = vector
        ? { code: { dtype: 'float32', shape: [1, 1, 1, vector.length], data: vector } }
        : {};
      const image = { dtype: 'float32', shape: [1, height, width, 3], data } as const;
      const { enlarged } = await primal.run({ image, ...given });
      if (!enlarged) throw new Error('the program has no output `enlarged`');
      const tile = tileOfPixels(enlarged.data as Float32Array, enlarged.shape);
      let reduced: Float32Array | undefined;
      if (check && dual) {
        const { values, shape } = rowsOf(tile, check);
        const part = { dtype: 'float32', shape, data: values } as const;
        reduced = (await dual.run({ enlarged: part, ...given }))['reduced']?.data as Float32Array;
      }
      use(tile, reduced);
    },
    async estimate(data, { width, height }) {
      if (!estimator) throw new Error('this model has no estimator');
      const { code } = await estimator.run({ image: { dtype: 'float32', shape: [1, height, width, 3], data } });
      return Float32Array.from(code?.data as Float32Array);
    },
    async release() {
      await primal.release();
      await dual?.release();
      await estimator?.release();
    },
  };
}

stepBehindTheServer();
export const runTile = createTileRunner(createNetwork);
