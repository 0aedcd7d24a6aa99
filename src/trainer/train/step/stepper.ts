/** Training steps. The state stays in this thread, between two programs, or on a device that runs both as one. */
import type { Engine, Tensors } from '../../../core/engine/engine.ts';
import type { Program } from '../../../core/graph/program.ts';
import type { Checkpoint } from '../run/train-state.ts';
import type { BatchBuffers, BatchLosses, GradientPool } from './gradients.ts';
import { nextName, type SCALARS, STATE } from './optimizer.ts';

export type TrainState = Checkpoint['state'];

/** The optimiser's numbers for one step. */
export type StepNumbers = Readonly<Record<(typeof SCALARS)[number], number>>;

export interface Stepper extends BatchBuffers {
  /** Takes the buffers as they are when it is called; the next batch may be put in while it runs. The state stays as it is. */
  compute(numbers: StepNumbers): Promise<BatchLosses>;
  /** The state goes where the last `compute` leads; returns the gradient's norm before clipping. */
  accept(): Promise<number>;
  readState(): Promise<TrainState>;
  close(): Promise<void>;
}

export function stateTensors(state: TrainState): Tensors {
  const vector = (data: Float32Array) => ({ dtype: 'float32', shape: [data.length], data }) as const;
  return Object.fromEntries(STATE.map((name) => [name, vector(state[name])]));
}

export function scalarTensors(numbers: StepNumbers): Tensors {
  const scalar = (value: number) => ({ dtype: 'float32', shape: [], data: Float32Array.of(value) }) as const;
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, scalar(value)]));
}

/** Gradients from a pool, the optimiser (`updateProgram`) on an engine of this thread. Closes the pool with itself. */
export async function createSplitStepper(
  pool: GradientPool,
  engine: Engine,
  start: TrainState,
  update: Program,
): Promise<Stepper> {
  const { compute: _, close: __, ...buffers } = pool;
  const size = start.parameters.length;
  const optimizer = await engine.compile(update).catch(async (error: Error) => {
    await pool.close();
    throw error;
  });
  let state = start;
  let pending: Tensors | undefined;
  return {
    ...buffers,
    async compute(numbers) {
      const { gradient: data, ...losses } = await pool.compute(state.parameters);
      pending = { ...scalarTensors(numbers), gradient: { dtype: 'float32', shape: [size], data } };
      return losses;
    },
    async accept() {
      const results = await optimizer.run({ ...stateTensors(state), ...pending });
      state = Object.fromEntries(STATE.map((name) => [name, results[nextName(name)].data])) as unknown as TrainState;
      return results['gradientNorm'].data[0];
    },
    readState: async () => state,
    async close() {
      await optimizer.release();
      await pool.close();
    },
  };
}
