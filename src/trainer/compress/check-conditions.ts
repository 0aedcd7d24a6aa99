/** Whether a budget fits the other options. */
import type { EngineName } from '../../core/engine/runtime.ts';
import { badOption } from '../../core/errors.ts';
import { prunableWidths } from '../../core/network/prunable.ts';
import type { NetworkSpec } from '../../core/network/spec.ts';
import type { Budget, Multiple } from './budget.ts';
import { leastRemoved, listCandidates } from './search/candidates.ts';

interface Conditions {
  readonly budget: Budget;
  readonly multiple: Multiple;
  readonly engine: EngineName;
}

/** Of the share that is asked for, what must go at least: widths are whole multiples. */
const MIN_OF_RATIO = 2 / 3;

/** A model that nothing was taken from must not come out as a compressed one. */
function checkRatio({ budget, multiple }: Conditions, spec: NetworkSpec): void {
  if (budget.kind !== 'ratio') return;
  const channels = prunableWidths(spec).reduce((sum, { width }) => sum + width, 0);
  const removed = leastRemoved(spec, listCandidates(spec, multiple, budget.ratio));
  if (removed >= MIN_OF_RATIO * budget.ratio) return;
  const counted = `of ${channels} channels they would remove ${Math.round(removed * channels)}`;
  const expected = `a share that widths in multiples of ${multiple} (\`--multiple\`) come near to: ${counted}`;
  throw badOption('--ratio', expected, budget.ratio);
}

/** TF.js chooses its threads itself: a latency for another number of them would be none. */
function checkThreads({ budget, engine }: Conditions): void {
  if (budget.kind !== 'latency' || engine !== 'tfjs') return;
  const { threads = 1 } = budget;
  if (threads !== 1) throw badOption('--threads', '1 with --engine tfjs', threads);
}

/** @throws DS_BAD_OPTION naming the option, what was expected and what came. */
export function checkConditions(conditions: Conditions, spec: NetworkSpec): void {
  checkRatio(conditions, spec);
  checkThreads(conditions);
}
