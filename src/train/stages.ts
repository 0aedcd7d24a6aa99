/** A curriculum of patch sizes: small patches teach fast, large ones show what lies further apart. */
import { badOption } from '../errors.ts';
import type { BatchShape } from './objective.ts';
import type { Schedule } from './schedule.ts';

/** A later part of a run with batches of another shape. */
export interface Stage extends BatchShape {
  /** Share of all steps that are done when it begins, above 0 and below 1. */
  readonly fromShare: number;
}

export interface StagePlan extends BatchShape {
  /** First step, from 0. */
  readonly from: number;
  /** The step after the last. */
  readonly until: number;
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
  const all = [{ fromShare: 0, batchSize, lrPatchSize }, ...stages];
  const starts = all.map(({ fromShare }, i) => {
    if (i > 0 && !(fromShare > all[i - 1].fromShare && fromShare < 1)) {
      throw badOption(`stages[${i - 1}].fromShare`, `above ${all[i - 1].fromShare} and below 1`, fromShare);
    }
    return Math.round(fromShare * schedule.steps);
  });
  return all
    .map(({ fromShare: _, ...shape }, i) => ({ ...shape, from: starts[i], until: starts[i + 1] ?? schedule.steps }))
    .filter(({ from, until }) => until > from);
}
