/** Worker thread: whole training steps on a provider that keeps the state. A session blocks its thread while the device computes. */
import { parentPort, workerData } from 'node:worker_threads';
import type { NodePlacement } from '../../../core/engine/onnx/node-placement.ts';
import { createResidentSession } from '../../../core/engine/onnx/resident-session.ts';
import type { Provider } from '../../../core/engine/runtime.ts';
import type { StateName } from '../run/train-state.ts';
import { NEXT_OUTPUTS } from './optimizer.ts';
import { type StepNumbers, scalarTensors, stateTensors, type TrainState } from './stepper.ts';

export interface ResidentWorkerData {
  readonly onnx: Uint8Array;
  readonly provider: Provider;
  readonly threads: number;
  /** Shared: the batch per input name, and the state vectors, which are the start and then what `read` fills in. */
  readonly batch: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: Float32Array }>>;
  readonly state: TrainState;
}

export type ResidentRequest =
  | { readonly type: 'compute'; readonly numbers: StepNumbers }
  | { readonly type: 'accept' | 'read' | 'close' };

export interface ComputeAnswer {
  /** Outputs of the program that are single numbers. */
  readonly results: Readonly<Record<string, number>>;
  /** With the first answer only. */
  readonly placement?: NodePlacement;
}

const port = parentPort;
if (!port) throw new Error('resident-worker runs as a worker thread only');
const work = workerData as ResidentWorkerData;
const start = Object.fromEntries(
  Object.entries(work.state).map(([name, values]) => [name, values.slice()]),
) as unknown as TrainState;
const session = await createResidentSession(work.onnx, {
  provider: work.provider,
  threads: work.threads,
  nextOutputs: NEXT_OUTPUTS,
  state: stateTensors(start),
});
let isFirst = true;

async function compute(numbers: StepNumbers): Promise<ComputeAnswer> {
  // ONNX Runtime takes no shared memory: patches are copied in.
  const batch = Object.entries(work.batch).map(([name, { shape, values }]) => {
    return [name, { dtype: 'float32', shape, data: values.slice() }] as const;
  });
  const outputs = await session.run({ ...Object.fromEntries(batch), ...scalarTensors(numbers) });
  const results = Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data[0]]));
  if (!isFirst) return { results };
  isFirst = false;
  return { results, placement: await session.placement() };
}

async function answer(request: ResidentRequest): Promise<ComputeAnswer | undefined> {
  if (request.type === 'compute') return compute(request.numbers);
  if (request.type === 'accept') session.advance();
  else if (request.type === 'close') await session.release();
  else {
    const state = await session.readState();
    for (const name of Object.keys(work.state) as StateName[]) work.state[name].set(state[name].data);
  }
}

port.on('message', (request: ResidentRequest) => {
  answer(request).then(
    (found) => port.postMessage({ type: 'done', answer: found }),
    (error: Error) => port.postMessage({ type: 'failed', message: error.message }),
  );
});
port.postMessage({ type: 'ready' });
