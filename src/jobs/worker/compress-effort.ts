/** From a job's budget to the steps of a compression's stages. */

import type { NetworkSpec } from '../../core/network/spec.ts';
import { type TrainingBudget, trainingBudgetOf } from '../../trainer/compress/training-budget.ts';
import type { TrainRecipe } from '../../trainer/train/train-model.ts';
import type { Budget } from '../queue/job.ts';

/** How much longer than `standard` it takes. */
const THOROUGH = 8;
/** What one step of each stage costs beside one of fine-tuning, about. */
const COST = { dual: 0.5, search: 3, prune: 1.2 };
const MIN_STEPS = 2;

/** Steps of fine-tuning that all stages together are worth. */
function totalSteps({ dualSteps, searchSteps, tuneSteps, pruneBatches }: TrainingBudget): number {
  return COST.dual * dualSteps + COST.search * searchSteps + COST.prune * 10 * pruneBatches + tuneSteps;
}

function scaleEffort(effort: TrainingBudget, factor: number): TrainingBudget {
  const scaled = (steps: number) => Math.max(MIN_STEPS, Math.round(steps * factor));
  const { dualSteps, searchSteps, tuneSteps, pruneBatches } = effort;
  return {
    ...effort,
    dualSteps: scaled(dualSteps),
    searchSteps: scaled(searchSteps),
    tuneSteps: scaled(tuneSteps),
    // More batches only make the choice of channels steadier.
    pruneBatches: Math.min(2 * pruneBatches, scaled(pruneBatches)),
  };
}

/** @param steps of fine-tuning that fit into the budget's minutes, where it is one of minutes. */
export function compressEffort(budget: Budget, spec: NetworkSpec, steps: number | undefined): TrainingBudget {
  const standard = trainingBudgetOf('default', spec);
  if (budget === 'quick') return trainingBudgetOf('quick', spec);
  if (budget === 'standard') return standard;
  if (budget === 'thorough') return scaleEffort(standard, THOROUGH);
  if ('steps' in budget) {
    return { ...scaleEffort(standard, budget.steps / standard.tuneSteps), tuneSteps: budget.steps };
  }
  return scaleEffort(standard, (steps ?? standard.tuneSteps) / totalSteps(standard));
}

/** A training step as fine-tuning takes it: what minutes are counted in. */
export function tuneLikeRecipe(spec: NetworkSpec): TrainRecipe {
  const { batchSize, lrPatchSize, optimizer, learningRate } = trainingBudgetOf('default', spec);
  const schedule = { steps: 1, learningRate };
  const shape = { batchSize, lrPatchSize };
  return { spec, dualWeight: 0.1, seed: 1, optimizer, schedule, ...shape, checkpointEvery: 1, validateEvery: 1 };
}
