/** Which recipe does which type of job. */
import { DualscaleError } from '../errors.ts';
import type { JobType } from './job.ts';
import { type RecipeContext, runTrainJob } from './train-job.ts';
import type { Outcome } from './work-order.ts';

/** Stages of each type in order, with the share of the time each takes: for progress and ETA. */
export const STAGES: Readonly<Record<JobType, Readonly<Record<string, number>>>> = {
  train: { data: 0.02, plan: 0.02, train: 0.92, judge: 0.03, publish: 0.01 },
  finetune: { data: 0.02, plan: 0.02, train: 0.92, judge: 0.03, publish: 0.01 },
  compress: { data: 0.02, plan: 0.02, train: 0.92, judge: 0.03, publish: 0.01 },
};

/** Undefined when the signal ended it before it was done. Throws a DualscaleError for what no repetition would mend. */
export function runRecipe(context: RecipeContext): Promise<Outcome | undefined> {
  const { type } = context.order.request;
  if (type === 'compress') throw new DualscaleError('DS_JOB_FAILED', 'compress jobs are not there yet');
  return runTrainJob(context);
}
