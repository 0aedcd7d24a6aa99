/** Worker thread: gradients of its share of a batch, one micro-batch after another, on one core. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Provider } from '../engine/engine.ts';
import { createSession, sessionExecutable } from '../engine/onnx-session.ts';

export interface GradientWorkerData {
  readonly onnx: Uint8Array;
  readonly provider: Provider;
  readonly threads: number;
  /** This worker takes micro-batches `index`, `index + workers`, ... of `microBatches`. */
  readonly index: number;
  readonly workers: number;
  readonly microBatches: number;
  /** Shared: parameters [P], images per input name (whole batch), this worker's summed gradient [P] and losses [primal, dual]. */
  readonly parameters: Float32Array;
  readonly images: Readonly<Record<string, { readonly shape: readonly number[]; readonly batch: Float32Array }>>;
  readonly gradient: Float32Array;
  readonly losses: Float32Array;
}

const port = parentPort;
if (!port) throw new Error('gradient-worker runs as a worker thread only');
const work = workerData as GradientWorkerData;
const executable = sessionExecutable(
  await createSession(work.onnx, { provider: work.provider, threads: work.threads }),
);

async function computeShare(): Promise<void> {
  const { index, workers, microBatches, images, gradient, losses } = work;
  // ONNX Runtime takes no shared memory: parameters and patches are copied in.
  const parameters = { dtype: 'float32', shape: [work.parameters.length], data: work.parameters.slice() } as const;
  gradient.fill(0);
  losses.fill(0);
  for (let i = index; i < microBatches; i += workers) {
    const inputs = Object.entries(images).map(([name, { shape, batch }]) => {
      const size = batch.length / microBatches;
      return [name, { dtype: 'float32', shape, data: batch.slice(i * size, (i + 1) * size) }] as const;
    });
    const results = await executable.run({ parameters, ...Object.fromEntries(inputs) });
    const part = results['gradient'].data;
    for (let k = 0; k < part.length; k++) gradient[k] += part[k];
    losses[0] += results['primalLoss'].data[0];
    losses[1] += results['dualLoss'].data[0];
  }
}

port.on('message', () => {
  computeShare().then(
    () => port.postMessage({ type: 'done' }),
    (error: Error) => port.postMessage({ type: 'failed', message: error.message }),
  );
});
port.postMessage({ type: 'ready' });
