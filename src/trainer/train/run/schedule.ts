import { badOption } from '../../../core/errors.ts';
import type { BatchShape } from '../step/objective.ts';

/** Learning rate over a run: linear warm-up, then half a cosine down to the final rate. */
export interface Schedule {
  readonly steps: number;
  /** Peak rate. */
  readonly learningRate: number;
  /** Steps over which the rate rises from 0. @default 100 */
  readonly warmupSteps?: number;
  /** Rate of the last step. @default 1e-7 */
  readonly finalLearningRate?: number;
}

/** @param step counted from 0 */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { steps, learningRate, warmupSteps = 100, finalLearningRate = 1e-7 } = schedule;
  const warmup = Math.min(warmupSteps, steps);
  if (step < warmup) return (learningRate * (step + 1)) / warmup;
  const progress = (step - warmup) / Math.max(1, steps - warmup);
  return finalLearningRate + 0.5 * (learningRate - finalLearningRate) * (1 + Math.cos(Math.PI * Math.min(1, progress)));
}

/** What a stage changes: everything, or of a network that guesses a degradation code the estimator alone. */
export const LEARNERS = ['all', 'estimator'] as const;
export type Learner = (typeof LEARNERS)[number];

interface StageOptions extends BatchShape {
  /**
   * `estimator`: only that learns, from the codes alone. Nothing is enlarged, so that large patches cost little; the other weights stay.
   * @default 'all'
   */
  readonly learns?: Learner;
  /** Peak rate of a cosine of the stage's own. @default the run's schedule continues */
  readonly learningRate?: number;
}

/** A later part of a run with batches of another shape. */
export interface Stage extends StageOptions {
  /** Share of all steps that are done when it begins, above 0 and below 1. */
  readonly fromShare: number;
}

export interface StagePlan extends StageOptions {
  /** First step, from 0. */
  readonly from: number;
  /** The step after the last. */
  readonly until: number;
  /** Steps of the run's own schedule, without a last stage that has a rate of its own. */
  readonly scheduleSteps: number;
}

export interface StagedRecipe extends BatchShape {
  readonly schedule: Pick<Schedule, 'steps'>;
  /** In ascending order. Before the first one the recipe's own shape holds. @default [] */
  readonly stages?: readonly Stage[];
}

/**
 * The stages in steps, without those that are shorter than one.
 * @throws DS_BAD_OPTION when their shares do not ascend between 0 and 1.
 */
export function planStages({ schedule, batchSize, lrPatchSize, stages = [] }: StagedRecipe): StagePlan[] {
  const all: Stage[] = [{ fromShare: 0, batchSize, lrPatchSize }, ...stages];
  const starts = all.map(({ fromShare }, i) => {
    if (i > 0 && !(fromShare > all[i - 1].fromShare && fromShare < 1)) {
      throw badOption(`stages[${i - 1}].fromShare`, `above ${all[i - 1].fromShare} and below 1`, fromShare);
    }
    return Math.round(fromShare * schedule.steps);
  });
  const lastOfRun = all.findLastIndex(({ learningRate }) => learningRate === undefined);
  const scheduleSteps = starts[lastOfRun + 1] ?? schedule.steps;
  return all
    .map(({ fromShare: _, ...options }, i) => {
      return { ...options, from: starts[i], until: starts[i + 1] ?? schedule.steps, scheduleSteps };
    })
    .filter(({ from, until }) => until > from);
}

/** @param step of the run, from 0. */
export function stageRateAt(step: number, schedule: Schedule, stage: StagePlan): number {
  const { from, until, learningRate, scheduleSteps } = stage;
  if (learningRate === undefined) return learningRateAt(step, { ...schedule, steps: scheduleSteps });
  const steps = until - from;
  // A tenth of a short stage, as many steps as by default of a long one.
  const warmupSteps = Math.min(100, Math.ceil(steps / 10));
  return learningRateAt(step - from, { ...schedule, steps, learningRate, warmupSteps });
}
