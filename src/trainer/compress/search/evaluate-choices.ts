/** Which of several choices of widths makes the best network: held-out photographs tell, never a benchmark. */
import { costOf } from '../budget.ts';
import { type Proposal, proposeChoices } from './choose-widths.ts';
import type { FoundChoice, SearchState } from './search-state.ts';
import { type SearchContext, tuneChoice } from './search-steps.ts';
import { certain, relaxedVector, splitByWidth } from './super-net.ts';

export interface ChoiceEvent {
  readonly type: 'search-choice';
  readonly step: number;
  readonly widths: readonly number[];
  /** On held-out photographs, with the weights of the search. */
  readonly psnrDb: number;
  /** Steps for which the weights were tuned to these widths. */
  readonly tuned: number;
  /** In the budget's unit; absent for a ratio. */
  readonly predicted?: number;
}

export interface EvaluationContext {
  /** PSNR of a vector of `relaxedVector`; `NaN` without held-out photographs. */
  readonly validate: (vector: Float32Array) => Promise<number>;
  readonly report: (event: ChoiceEvent) => void;
  /** Puts a batch of training photographs into the pool's buffers. */
  readonly fill: (step: number) => void;
  /** Steps for which each finalist is tuned in the first round. */
  readonly tuneSteps: number;
  /** 1 without held-out photographs to compare them. */
  readonly maxFinalists: number;
  readonly signal?: AbortSignal;
}

/** What the search has learnt so far, per width. */
export function learntBy({ alphas, values }: SearchState, candidates: SearchContext['candidates']) {
  return { candidates, alphas: splitByWidth(alphas.parameters, candidates), values: splitByWidth(values, candidates) };
}

function describe({ candidates, shared }: SearchContext, choice: readonly number[]) {
  const widths = candidates.map((options, width) => options[choice[width]]);
  return { widths, predicted: shared ? costOf(shared.model, choice) : undefined };
}

/** So many finalists are tuned again, longer: at first those lead that lost least, not those that recover best. */
const SECOND_ROUND = 2;
/** Times the steps of the first round. */
const SECOND_ROUND_STEPS = 3;

interface PlannedEvaluation {
  readonly proposal: Proposal;
  readonly steps: number;
}

/** Without held-out photographs the first one stays. */
const better = (a: FoundChoice | undefined, b: FoundChoice): FoundChoice => (a && !(b.psnrDb > a.psnrDb) ? a : b);

/** While the search runs: the best choice so far, as it would be without any tuning. */
export async function bestSoFar(
  context: SearchContext,
  state: SearchState,
  evaluation: EvaluationContext,
): Promise<FoundChoice> {
  const { search, candidates, shared } = context;
  let best = state.best;
  for (const proposal of proposeChoices(learntBy(state, candidates), shared).slice(0, 1)) {
    const { choice } = proposal;
    const { vector } = relaxedVector(search, state.weights.average, candidates, certain(candidates, choice));
    const psnrDb = await evaluation.validate(vector);
    evaluation.report({ type: 'search-choice', step: state.step, ...describe(context, choice), psnrDb, tuned: 0 });
    best = better(best, { ...proposal, psnrDb, step: state.step, tuned: 0 });
  }
  return best as FoundChoice;
}

const isSame = (a: Proposal, b: Proposal): boolean => a.choice.join() === b.choice.join();

/** What to evaluate, in this order: every finalist after a little tuning, then the better ones after more. */
function planEvaluations(
  context: SearchContext,
  state: SearchState,
  { tuneSteps, maxFinalists }: EvaluationContext,
): PlannedEvaluation[] {
  const { judged = [], best } = state;
  const proposals: Proposal[] = proposeChoices(learntBy(state, context.candidates), context.shared);
  if (best) proposals.push(best);
  const distinct = proposals.filter((proposal, i) => proposals.findIndex((other) => isSame(other, proposal)) === i);
  const finalists = distinct.slice(0, maxFinalists);
  if (finalists.length === 1) return finalists.map((proposal) => ({ proposal, steps: 0 }));
  const first = finalists.map((proposal) => ({ proposal, steps: tuneSteps }));
  const known = judged.filter(({ tuned }) => tuned === tuneSteps);
  if (known.length < finalists.length || finalists.length <= SECOND_ROUND) return first;
  const leaders = known.toSorted((a, b) => b.psnrDb - a.psnrDb).slice(0, SECOND_ROUND);
  return [...first, ...leaders.map((proposal) => ({ proposal, steps: SECOND_ROUND_STEPS * tuneSteps }))];
}

/** After the last step: tunes and evaluates the next choice. Undefined when nothing is left to evaluate. */
export async function evaluateNext(
  context: SearchContext,
  state: SearchState,
  evaluation: EvaluationContext,
): Promise<SearchState | undefined> {
  const { judged = [], step } = state;
  const isDone = ({ proposal, steps }: PlannedEvaluation) =>
    judged.some((known) => isSame(known, proposal) && known.tuned === steps);
  const next = planEvaluations(context, state, evaluation).find((planned) => !isDone(planned));
  if (!next) return undefined;
  const { reading, choice } = next.proposal;
  const tuned = next.steps;
  const vector = await tuneChoice(context, state.weights.average, choice, tuned, evaluation);
  const psnrDb = await evaluation.validate(vector);
  evaluation.report({ type: 'search-choice', step, ...describe(context, choice), psnrDb, tuned });
  return { ...state, judged: [...judged, { reading, choice, psnrDb, step, tuned }] };
}

/** The best of those that were tuned longest. */
export function winnerOf({ judged = [] }: SearchState): FoundChoice {
  const longest = Math.max(...judged.map(({ tuned }) => tuned));
  const last = judged.filter(({ tuned }) => tuned === longest);
  return last.reduce<FoundChoice | undefined>(better, undefined) as FoundChoice;
}
