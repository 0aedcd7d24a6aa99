/** The training loop: one straight loop from step to step. Randomness comes from (seed, step), so resuming repeats it exactly. */
import type { Engine, Executable } from '../engine/engine.ts';
import type { TensorData } from '../graph/program.ts';
import type { GradientPool } from './batch-gradient.ts';
import { createPatchSampler, fillBatch } from './batches.ts';
import type { Checkpoint, StateName } from './checkpoint.ts';
import type { Dataset, ImagePyramid } from './dataset.ts';
import { fillMixedBatch } from './mixed-batches.ts';
import type { AdamOptions } from './optimizer.ts';
import { adamProgram, nextName, SCALARS, STATE } from './optimizer.ts';
import { createRandom } from './random.ts';
import type { Schedule } from './schedule.ts';
import { learningRateAt } from './schedule.ts';

export interface LoopOptions {
  readonly schedule: Schedule;
  readonly seed: number;
  readonly batchSize: number;
  readonly lrPatchSize: number;
  readonly adam?: AdamOptions;
  /** Largest decay of the weights' moving average. @default 0.999 */
  readonly emaDecay?: number;
  /** A batch whose loss exceeds this many times the running mean changes nothing (the released trainer skips such batches too). @default 10 */
  readonly skipAbove?: number;
  /** Steps between checkpoints. */
  readonly checkpointEvery: number;
  /** Steps between validations. */
  readonly validateEvery: number;
  /** Steps after which this part of the run ends. @default all of the schedule */
  readonly until?: number;
}

export type TrainEvent =
  | {
      readonly type: 'step';
      readonly step: number;
      readonly primalLoss: number;
      readonly dualLoss: number;
      /** Present with a teacher. */
      readonly distillLoss?: number;
      readonly learningRate: number;
      readonly gradientNorm: number;
      readonly skipped: boolean;
    }
  | { readonly type: 'validation'; readonly step: number; readonly psnrDb: number };

export interface LoopParts {
  readonly engine: Engine;
  readonly pool: GradientPool;
  readonly dataset: Pick<Dataset, 'train'>;
  /** Pictures without ground truth, and which share of every batch they are. */
  readonly unpaired?: { readonly pyramids: readonly ImagePyramid[]; readonly share: number };
  /** PSNR in dB of these parameters on held-out photographs. */
  readonly validate: (parameters: Float32Array) => Promise<number>;
  readonly save: (checkpoint: Omit<Checkpoint, 'fingerprint'>) => Promise<void>;
  readonly report: (event: TrainEvent) => void;
  readonly signal?: AbortSignal;
}

type State = Record<StateName, Float32Array>;

const vector = (data: Float32Array): TensorData => ({ dtype: 'float32', shape: [data.length], data });
const scalar = (value: number): TensorData => ({ dtype: 'float32', shape: [], data: Float32Array.of(value) });

/** Runs the optimiser; returns the new state and the gradient's norm. */
async function applyGradient(
  update: Executable,
  state: State,
  gradient: Float32Array,
  numbers: Record<(typeof SCALARS)[number], number>,
) {
  const vectors = Object.fromEntries(STATE.map((name) => [name, vector(state[name])]));
  const scalars = Object.fromEntries(SCALARS.map((name) => [name, scalar(numbers[name])]));
  const results = await update.run({ ...vectors, ...scalars, gradient: vector(gradient) });
  const next = Object.fromEntries(STATE.map((name) => [name, results[nextName(name)].data])) as State;
  return { next, gradientNorm: results['gradientNorm'].data[0] };
}

/** Puts the batch of a step into the pool's buffers. */
function createBatchFiller(options: LoopOptions, { pool, dataset, unpaired }: LoopParts): (step: number) => void {
  const { seed } = options;
  const { images, pairWeights } = pool;
  const pairs = createPatchSampler(dataset.train, options);
  if (!unpaired || !pairWeights) return (step) => fillBatch(pairs, createRandom(seed, step), options, images);
  const samples = { pairs, unpaired: createPatchSampler(unpaired.pyramids, options) };
  return (step) => fillMixedBatch(samples, unpaired.share, createRandom(seed, step), options, { images, pairWeights });
}

/**
 * Trains from `start` to `until`, or until the signal fires, and returns the final state.
 * A checkpoint is saved every `checkpointEvery` steps and at the end, also when the signal ended it.
 */
export async function trainLoop(
  start: Omit<Checkpoint, 'fingerprint'>,
  options: LoopOptions,
  parts: LoopParts,
): Promise<Omit<Checkpoint, 'fingerprint'>> {
  const { schedule, adam = {}, emaDecay = 0.999, skipAbove = 10, checkpointEvery, validateEvery } = options;
  const { until = schedule.steps } = options;
  const { beta1 = 0.9, beta2 = 0.999 } = adam;
  const { engine, pool, validate, save, report, signal } = parts;
  const update = await engine.compile(adamProgram(start.state.parameters.length, adam));
  let state: State = { ...start.state };
  let step = start.step;
  let usualLoss = start.usualLoss;
  const prepareBatch = createBatchFiller(options, parts);
  if (step < until) prepareBatch(step);
  while (step < until && !signal?.aborted) {
    const computing = pool.compute(state.parameters);
    // The workers are busy now: this thread cuts the next step's patches meanwhile.
    prepareBatch(step + 1);
    const { gradient, ...losses } = await computing;
    const { primalLoss } = losses;
    const learningRate = learningRateAt(step, schedule);
    const skipped = !(primalLoss <= skipAbove * usualLoss);
    let gradientNorm = 0;
    if (!skipped) {
      const numbers = {
        learningRate,
        beta1Correction: 1 - beta1 ** (step + 1),
        beta2Correction: 1 - beta2 ** (step + 1),
        // A young average follows the weights closely; 1/10 of the run's length so far is what it remembers.
        emaDecay: Math.min(emaDecay, (step + 1) / (step + 10)),
      };
      const applied = await applyGradient(update, state, gradient, numbers);
      state = applied.next;
      gradientNorm = applied.gradientNorm;
      usualLoss = Number.isFinite(usualLoss) ? 0.99 * usualLoss + 0.01 * primalLoss : primalLoss;
    }
    step += 1;
    report({ type: 'step', step, ...losses, learningRate, gradientNorm, skipped });
    if (step % validateEvery === 0 || step === schedule.steps) {
      report({ type: 'validation', step, psnrDb: await validate(state.average) });
    }
    if (step % checkpointEvery === 0 || step === until || signal?.aborted) {
      await save({ step, usualLoss, state });
    }
  }
  await update.release();
  return { step, usualLoss, state };
}
