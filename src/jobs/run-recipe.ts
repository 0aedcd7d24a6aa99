/** Which recipe does which type of job. */
import { DualscaleError } from '../errors.ts';
import { type RecipeContext, runTrainJob } from './train-job.ts';
import type { Outcome } from './work-order.ts';

/** Undefined when the signal ended it before it was done. Throws a DualscaleError for what no repetition would mend. */
export function runRecipe(context: RecipeContext): Promise<Outcome | undefined> {
  const { type } = context.order.request;
  if (type === 'compress') throw new DualscaleError('DS_JOB_FAILED', 'compress jobs are not there yet');
  return runTrainJob(context);
}
