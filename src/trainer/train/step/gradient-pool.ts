/**
 * Data-parallel gradients. A batch is cut into micro-batches small enough for their activations to stay in a core's
 * cache, and workers of one thread each take them in turn; on the CPU this is faster than one session with many
 * threads (measured in dev/LOG.md). Sums run in a fixed order, so a step is reproducible bit by bit for a
 * given number of workers and micro-batches.
 */
import type { Worker } from 'node:worker_threads';
import type { Engine } from '../../../core/engine/engine.ts';
import { nchwcBlockSize } from '../../../core/engine/onnx/nchwc-block.ts';
import type { NodePlacement } from '../../../core/engine/onnx/node-placement.ts';
import { targetOf } from '../../../core/engine/onnx/onnx-engine.ts';
import type { Provider } from '../../../core/engine/runtime.ts';
import { scriptFor } from '../../../core/engine/worker-script.ts';
import { compileProgram } from '../../../core/graph/compile.ts';
import { blockConvolutions } from '../../../core/graph/nchwc.ts';
import { type OnnxGraph, serializeOnnx } from '../../../core/graph/onnx-model.ts';
import type { GradientWorkerData } from './gradient-worker.ts';
import { createEagerGradients, type GradientPool, LOSSES, meanLosses, nameBuffers } from './gradients.ts';
import { shareOfWorker } from './micro-batch.ts';
import { type BatchShape, batchInputs, type GradientProgram, gradientProgram, type Objective } from './objective.ts';
import { nextAnswer, startWorker } from './worker-thread.ts';

export interface GradientPoolOptions extends BatchShape {
  /** Worker threads. @default 1 */
  readonly workers?: number;
  /** Patches per run of the network; must divide `batchSize`. @default `shareOfWorker` */
  readonly microBatchSize?: number;
  /** @default 'cpu' */
  readonly provider?: Provider;
  /** Intra-op threads per worker. @default 1 */
  readonly threads?: number;
  /** Called after the first step with the nodes that a provider other than `cpu` left to the CPU. */
  readonly onPlacement?: (placement: NodePlacement) => void;
  /** Another program with the inputs and outputs of `gradientProgram`, which is the default. */
  readonly program?: GradientProgram;
}

const shared = (length: number) => new Float32Array(new SharedArrayBuffer(length * 4));

/** Only the CPU provider has blocked convolutions. */
async function blockForCpu(graph: OnnxGraph, provider: Provider): Promise<OnnxGraph> {
  const block = provider === 'cpu' ? await nchwcBlockSize() : 0;
  return block > 0 ? blockConvolutions(graph, block) : graph;
}

/** All workers run the same graph, so one of them may tell where its nodes ran. */
async function computeShares(workers: readonly Worker[]): Promise<NodePlacement | undefined> {
  const answers = workers.map((worker) => {
    const answer = nextAnswer<NodePlacement | undefined>(worker);
    worker.postMessage('step');
    return answer;
  });
  return (await Promise.all(answers))[0];
}

const endAll = async (workers: readonly Worker[]) =>
  void (await Promise.all(workers.map((worker) => worker.terminate())));

/** Where one worker cannot start, the others end too. */
async function untilReady(workers: readonly Worker[]): Promise<void> {
  try {
    await Promise.all(workers.map((worker) => nextAnswer(worker)));
  } catch (error) {
    await endAll(workers);
    throw error;
  }
}

export async function createGradientPool(objective: Objective, options: GradientPoolOptions): Promise<GradientPool> {
  const {
    batchSize,
    lrPatchSize,
    workers = 1,
    microBatchSize = shareOfWorker(batchSize, workers),
    provider = 'cpu',
    threads = 1,
    onPlacement,
    program: programFor = gradientProgram,
  } = options;
  const microBatches = batchSize / microBatchSize;
  if (!Number.isInteger(microBatches))
    throw new Error(`expected microBatchSize to divide ${batchSize}, got ${microBatchSize}`);
  const program = programFor(objective, { batchSize: microBatchSize, lrPatchSize });
  const onnx = serializeOnnx(await blockForCpu(compileProgram(program, { target: targetOf(provider) }), provider));
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
  const running = parts.map(({ worker }) => worker);
  await untilReady(running);
  const total = new Float32Array(objective.layout.size);
  return {
    ...nameBuffers(objective, next),
    async compute(values) {
      parameters.set(values);
      for (const [name, values] of next) current.get(name)?.set(values);
      const placement = await computeShares(running);
      if (placement) onPlacement?.(placement);
      for (let k = 0; k < total.length; k++) {
        let sum = 0;
        for (const { gradient } of parts) sum += gradient[k];
        total[k] = sum / microBatches;
      }
      const lossSums = LOSSES.map((_, i) => parts.reduce((sum, { losses }) => sum + losses[i], 0));
      return { gradient: total, ...meanLosses(objective, lossSums, microBatches) };
    },
    close: () => endAll(running),
  };
}

/** In worker threads; with the `tfjs` engine in this thread. */
export function openGradients(
  objective: Objective,
  engine: Engine,
  options: GradientPoolOptions,
): Promise<GradientPool> {
  if (engine.name === 'tfjs') return createEagerGradients(objective, engine, options);
  return createGradientPool(objective, options);
}
