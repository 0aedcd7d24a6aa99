/** Worker thread: gradients of its share of a batch, one micro-batch after another, on one core. */
import { parentPort, workerData } from 'node:worker_threads';
import { createProfiledSession, type NodePlacement } from '../../../core/engine/onnx/node-placement.ts';
import { createSession, sessionExecutable } from '../../../core/engine/onnx/onnx-session.ts';
import type { Provider } from '../../../core/engine/runtime.ts';

export interface GradientWorkerData {
  readonly onnx: Uint8Array;
  readonly provider: Provider;
  readonly threads: number;
  /** This worker takes micro-batches `index`, `index + workers`, ... of `microBatches`. */
  readonly index: number;
  readonly workers: number;
  readonly microBatches: number;
  /** Shared: parameters [P], the whole batch per input name, this worker's summed gradient [P] and losses (`lossNames`). */
  readonly parameters: Float32Array;
  readonly batch: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: Float32Array }>>;
  readonly gradient: Float32Array;
  readonly losses: Float32Array;
  /** Outputs of the program; one that it lacks counts as 0. */
  readonly lossNames: readonly string[];
}

const port = parentPort;
if (!port) throw new Error('gradient-worker runs as a worker thread only');
const work = workerData as GradientWorkerData;
const options = { provider: work.provider, threads: work.threads };
/** Until the first step is done. */
let profiled = work.provider === 'cpu' ? undefined : await createProfiledSession(work.onnx, options);
const executable = sessionExecutable(profiled?.session ?? (await createSession(work.onnx, options)));

/** With the first share where the nodes ran, on providers that may leave some to the CPU. */
async function computeShare(): Promise<NodePlacement | undefined> {
  const { index, workers, microBatches, batch, gradient, losses, lossNames } = work;
  // ONNX Runtime takes no shared memory: parameters and patches are copied in.
  const parameters = { dtype: 'float32', shape: [work.parameters.length], data: work.parameters.slice() } as const;
  gradient.fill(0);
  losses.fill(0);
  for (let i = index; i < microBatches; i += workers) {
    const inputs = Object.entries(batch).map(([name, { shape, values }]) => {
      const size = values.length / microBatches;
      return [name, { dtype: 'float32', shape, data: values.slice(i * size, (i + 1) * size) }] as const;
    });
    const results = await executable.run({ parameters, ...Object.fromEntries(inputs) });
    const part = results['gradient'].data;
    for (let k = 0; k < part.length; k++) gradient[k] += part[k];
    for (const [k, name] of lossNames.entries()) losses[k] += results[name]?.data[0] ?? 0;
  }
  const placement = await profiled?.placement();
  profiled = undefined;
  return placement;
}

port.on('message', () => {
  computeShare().then(
    (answer) => port.postMessage({ type: 'done', answer }),
    (error: Error) => port.postMessage({ type: 'failed', message: error.message }),
  );
});
port.postMessage({ type: 'ready' });
