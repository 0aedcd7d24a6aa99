/** What a recipe's parts must have of each other: told before the first step, not by the stage that needs it. */

import { VECTOR_WIDTH } from '../../core/degradation/vector.ts';
import { badOption } from '../../core/errors.ts';
import type { NetworkSpec } from '../../core/network/spec.ts';
import { type Augmentation, checkAugmentation } from './data/augmentation.ts';
import { checkDegradation, type DegradationRecipe } from './data/degradation-recipe.ts';
import { planStages, type StagedRecipe } from './run/schedule.ts';

interface CheckedRecipe extends StagedRecipe {
  readonly spec: NetworkSpec;
  readonly degradation?: DegradationRecipe;
  readonly augmentation?: Augmentation;
}

const codeOf = (spec: NetworkSpec) => (spec.family === 'edge' ? spec.code : undefined);

/** A network that is told codes needs degradations that have some. */
function checkCode({ spec, degradation }: CheckedRecipe): void {
  const code = codeOf(spec);
  if (!code) return;
  if (!degradation) throw badOption('recipe.degradation', 'given: the network has a degradation code', degradation);
  if (code.width !== VECTOR_WIDTH) throw badOption('recipe.spec.code.width', String(VECTOR_WIDTH), code.width);
}

function checkLearners({ spec, stages = [] }: CheckedRecipe): void {
  if (codeOf(spec)) return;
  const at = stages.findIndex(({ learns }) => learns === 'estimator');
  if (at < 0) return;
  throw badOption(`recipe.stages[${at}].learns`, '`all`: the network has no degradation code', stages[at].learns);
}

/** Throws DS_BAD_OPTION naming the field, what was expected and what came. */
export function checkRecipe(recipe: CheckedRecipe): void {
  planStages(recipe);
  if (recipe.degradation) checkDegradation(recipe.degradation);
  if (recipe.augmentation) checkAugmentation(recipe.augmentation, recipe.degradation !== undefined);
  checkCode(recipe);
  checkLearners(recipe);
}
