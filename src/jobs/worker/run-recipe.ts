/** Which recipe does which type of job. */

import type { Outcome } from '../queue/work-order.ts';
import { runCompressJob } from './compress-job.ts';
import { type RecipeContext, runTrainJob } from './train-job.ts';

/** Undefined when the signal ended it before it was done. Throws a DualscaleError for what no repetition would mend. */
export function runRecipe(context: RecipeContext): Promise<Outcome | undefined> {
  return context.order.request.type === 'compress' ? runCompressJob(context) : runTrainJob(context);
}
