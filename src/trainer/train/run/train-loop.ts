/** The training loop: one straight loop from step to step. Randomness comes from (seed, step), so resuming repeats it exactly. */
import { createRandom } from '../../../core/random.ts';
import type { Augmentation } from '../data/augmentation.ts';
import { type BatchSource, createBatchFiller } from '../data/batch-filler.ts';
import type { Dataset } from '../data/dataset.ts';
import type { DegradationRecipe } from '../data/degradation-recipe.ts';
import type { UpdateOptions } from '../step/optimizer.ts';
import type { StepNumbers, Stepper } from '../step/stepper.ts';
import { type Schedule, type StagePlan, stageRateAt } from './schedule.ts';
import type { Checkpoint } from './train-state.ts';

export interface LoopOptions extends UpdateOptions {
  readonly schedule: Schedule;
  readonly seed: number;
  readonly batchSize: number;
  readonly lrPatchSize: number;
  /** Largest decay of the weights' moving average. @default 0.999 */
  readonly emaDecay?: number;
  /** A batch whose loss exceeds this many times the running mean changes nothing (the released trainer skips such batches too). @default 10 */
  readonly skipAbove?: number;
  /** Steps between checkpoints. */
  readonly checkpointEvery: number;
  /** Steps between validations. */
  readonly validateEvery: number;
  readonly augmentation?: Augmentation;
  /** How LR patches are made, one by one. @default bicubic reduction of the whole photograph */
  readonly degradation?: DegradationRecipe;
  /** The part of the run that this is. @default all of the schedule */
  readonly stage?: StagePlan;
}

export type TrainEvent =
  | {
      readonly type: 'step';
      readonly step: number;
      readonly primalLoss: number;
      readonly dualLoss: number;
      /** Present with a teacher. */
      readonly distillLoss?: number;
      /** Present where the network has a degradation code. */
      readonly codeLoss?: number;
      readonly learningRate: number;
      readonly gradientNorm: number;
      readonly skipped: boolean;
    }
  | { readonly type: 'validation'; readonly step: number; readonly psnrDb: number };

export interface LoopContext {
  /** With the state of the start. */
  readonly stepper: Stepper;
  readonly dataset: Pick<Dataset, 'train'>;
  readonly unpaired?: BatchSource['unpaired'];
  /** PSNR in dB of these parameters on held-out photographs. */
  readonly validate: (parameters: Float32Array) => Promise<number>;
  readonly save: (checkpoint: Omit<Checkpoint, 'fingerprint'>) => Promise<void>;
  readonly report: (event: TrainEvent) => void;
  readonly signal?: AbortSignal;
}

/** @param step from 0. */
function numbersAt(
  step: number,
  { schedule, adam = {}, emaDecay = 0.999 }: LoopOptions,
  stage: StagePlan,
): StepNumbers {
  const { beta1 = 0.9, beta2 = 0.999 } = adam;
  return {
    learningRate: stageRateAt(step, schedule, stage),
    beta1Correction: 1 - beta1 ** (step + 1),
    beta2Correction: 1 - beta2 ** (step + 1),
    // A young average follows the weights closely; 1/10 of the run's length so far is what it remembers.
    emaDecay: Math.min(emaDecay, (step + 1) / (step + 10)),
  };
}

const isUsual = (loss: number, usual: number, { skipAbove = 10 }: LoopOptions): boolean => loss <= skipAbove * usual;

/** A running mean. Where only the estimator learns nothing is enlarged, and there is no loss to follow. */
function nextUsual(loss: number, usual: number, { learns }: StagePlan): number {
  if (learns === 'estimator') return usual;
  return Number.isFinite(usual) ? 0.99 * usual + 0.01 * loss : loss;
}

/**
 * Trains from `start` to the end of the stage, or until the signal fires, and returns the final state.
 * A checkpoint is saved every `checkpointEvery` steps and at the end, also when the signal ended it.
 */
export async function trainLoop(
  start: Pick<Checkpoint, 'step' | 'usualLoss'>,
  options: LoopOptions,
  context: LoopContext,
): Promise<Omit<Checkpoint, 'fingerprint'>> {
  const { schedule, seed, batchSize, lrPatchSize, checkpointEvery, validateEvery } = options;
  const { steps } = schedule;
  const { stage = { batchSize, lrPatchSize, from: 0, until: steps, scheduleSteps: steps } } = options;
  const { until } = stage;
  const { stepper, dataset, unpaired, validate, save, report, signal } = context;
  let { step, usualLoss } = start;
  const fill = createBatchFiller({ train: dataset.train, unpaired }, options, stepper);
  const prepareBatch = (of: number) => fill(createRandom(seed, of));
  if (step < until) prepareBatch(step);
  while (step < until && !signal?.aborted) {
    const numbers = numbersAt(step, options, stage);
    const computing = stepper.compute(numbers);
    // The workers are busy now: this thread cuts the next step's patches meanwhile.
    prepareBatch(step + 1);
    const losses = await computing;
    const { primalLoss } = losses;
    const skipped = !isUsual(primalLoss, usualLoss, options);
    let gradientNorm = 0;
    if (!skipped) {
      gradientNorm = await stepper.accept();
      usualLoss = nextUsual(primalLoss, usualLoss, stage);
    }
    step += 1;
    report({ type: 'step', step, ...losses, learningRate: numbers.learningRate, gradientNorm, skipped });
    if (step % validateEvery === 0 || step === steps) {
      const { average } = await stepper.readState();
      report({ type: 'validation', step, psnrDb: await validate(average) });
    }
    if (step % checkpointEvery === 0 || step === until || signal?.aborted) {
      await save({ step, usualLoss, state: await stepper.readState() });
    }
  }
  return { step, usualLoss, state: await stepper.readState() };
}
