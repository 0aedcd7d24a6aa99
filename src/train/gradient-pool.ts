/**
 * Data-parallel gradients. A batch is cut into micro-batches small enough for their activations to stay in a core's
 * cache, and workers of one thread each take them in turn; on the CPU this is faster than one session with many
 * threads (measured in docs/experiments.md). Sums run in a fixed order, so a step is reproducible bit by bit for a
 * given number of workers and micro-batches.
 */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Provider } from '../engine/engine.ts';
import { nchwcBlockSize } from '../engine/nchwc-block.ts';
import type { Script } from '../engine/pool-script.ts';
import { scriptFor } from '../engine/pool-script.ts';
import { DualscaleError } from '../errors.ts';
import { compileProgram } from '../graph/compile.ts';
import { blockConvolutions } from '../graph/nchwc.ts';
import type { OnnxGraph } from '../graph/onnx-model.ts';
import { serializeOnnx } from '../graph/onnx-model.ts';
import { type GradientPool, LOSSES, meanLosses, nameBuffers } from './batch-gradient.ts';
import type { GradientWorkerData } from './gradient-worker.ts';
import type { BatchShape, Objective } from './objective.ts';
import { batchInputs, gradientProgram } from './objective.ts';

export interface GradientPoolOptions extends BatchShape {
  /** Worker threads. @default 1 */
  readonly workers?: number;
  /** Patches per run of the network; must divide `batchSize`. @default `batchSize / workers` */
  readonly microBatchSize?: number;
  /** @default 'cpu' */
  readonly provider?: Provider;
  /** Intra-op threads per worker. @default 1 */
  readonly threads?: number;
}

const shared = (length: number) => new Float32Array(new SharedArrayBuffer(length * 4));

/** From TypeScript sources a worker cannot start on the file itself: the loader acts only on what is imported after it is registered. */
function startWorker({ file, execArgv }: Script, workerData: GradientWorkerData): Worker {
  if (execArgv.length === 0) return new Worker(file, { workerData });
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(pathToFileURL(file).href);
  return new Worker(`import(${loader}).then(({ register }) => { register(); return import(${entry}); })`, {
    eval: true,
    workerData,
    execArgv: [],
  });
}

type WorkerMessage = { readonly type: 'ready' | 'done' } | { readonly type: 'failed'; readonly message: string };

/** Next message of a worker; rejects when it failed or died. */
function reply(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      stop();
      reject(new DualscaleError('DS_ENGINE', `training worker: ${reason}`));
    };
    const onMessage = (message: WorkerMessage) => {
      if (message.type === 'failed') return fail(message.message);
      stop();
      resolve();
    };
    const onError = (error: Error) => fail(error.message);
    const onExit = (code: number) => fail(`exited with code ${code}`);
    const stop = () => worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

/** Only the CPU provider has blocked convolutions. */
async function blockForCpu(graph: OnnxGraph, provider: Provider): Promise<OnnxGraph> {
  const block = provider === 'cpu' ? await nchwcBlockSize() : 0;
  return block > 0 ? blockConvolutions(graph, block) : graph;
}

export async function createGradientPool(objective: Objective, options: GradientPoolOptions): Promise<GradientPool> {
  const {
    batchSize,
    lrPatchSize,
    workers = 1,
    microBatchSize = batchSize / workers,
    provider = 'cpu',
    threads = 1,
  } = options;
  const microBatches = batchSize / microBatchSize;
  if (!Number.isInteger(microBatches))
    throw new Error(`expected microBatchSize to divide ${batchSize}, got ${microBatchSize}`);
  const program = gradientProgram(objective, { batchSize: microBatchSize, lrPatchSize });
  const onnx = serializeOnnx(await blockForCpu(compileProgram(program), provider));
  const parameters = shared(objective.layout.size);
  const specs = Object.entries(batchInputs(objective, { batchSize, lrPatchSize }));
  const lengths = specs.map(([name, { shape }]) => [name, shape.reduce((a, b) => a * b)] as const);
  const next = new Map(lengths.map(([name, length]) => [name, new Float32Array(length)]));
  const current = new Map(lengths.map(([name, length]) => [name, shared(length)]));
  const batch = Object.fromEntries(
    specs.map(([name, { shape }]) => [
      name,
      { shape: [microBatchSize, ...shape.slice(1)], values: current.get(name) as Float32Array },
    ]),
  );
  const count = Math.min(workers, microBatches);
  const script = scriptFor(import.meta.url, 'gradient-worker');
  const parts = Array.from({ length: count }, (_, index) => {
    const [gradient, losses] = [shared(objective.layout.size), shared(LOSSES.length)];
    const workerData: GradientWorkerData = {
      onnx,
      provider,
      threads,
      index,
      workers: count,
      microBatches,
      parameters,
      batch,
      gradient,
      losses,
      lossNames: LOSSES,
    };
    return { worker: startWorker(script, workerData), gradient, losses };
  });
  await Promise.all(parts.map(({ worker }) => reply(worker)));
  const total = new Float32Array(objective.layout.size);
  return {
    ...nameBuffers(objective, next),
    async compute(values) {
      parameters.set(values);
      for (const [name, values] of next) current.get(name)?.set(values);
      await Promise.all(
        parts.map(({ worker }) => {
          const done = reply(worker);
          worker.postMessage('step');
          return done;
        }),
      );
      for (let k = 0; k < total.length; k++) {
        let sum = 0;
        for (const { gradient } of parts) sum += gradient[k];
        total[k] = sum / microBatches;
      }
      const lossSums = LOSSES.map((_, i) => parts.reduce((sum, { losses }) => sum + losses[i], 0));
      return { gradient: total, ...meanLosses(objective, lossSums, microBatches) };
    },
    async close() {
      await Promise.all(parts.map(({ worker }) => worker.terminate()));
    },
  };
}
