/** Which of several choices of widths makes the best network: held-out photographs tell, never a benchmark. */
import { costOf } from '../budget.ts';
import { type Proposal, proposeChoices } from './pick-widths.ts';
import type { FoundChoice, SearchState } from './search-checkpoint.ts';
import { type SearchParts, tuneChoice } from './search-steps.ts';
import { certain, relaxedVector, splitByWidth } from './super-net.ts';

export interface ChoiceEvent {
  readonly type: 'search-choice';
  readonly step: number;
  readonly widths: readonly number[];
  /** On held-out photographs, with the weights of the search. */
  readonly psnrDb: number;
  /** Whether the weights were tuned to these widths for a little while. */
  readonly tuned: boolean;
  /** In the budget's unit; absent for a ratio. */
  readonly predicted?: number;
}

export interface Judge {
  /** PSNR of a vector of `relaxedVector`; `NaN` without held-out photographs. */
  readonly validate: (vector: Float32Array) => Promise<number>;
  readonly report: (event: ChoiceEvent) => void;
  /** Puts a batch of training photographs into the pool's buffers. */
  readonly fill: (step: number) => void;
  /** Steps for which each finalist is tuned. */
  readonly tuneSteps: number;
  /** 1 where nothing tells them apart. */
  readonly maxFinalists: number;
  readonly signal?: AbortSignal;
}

/** What the search has learnt so far, per width. */
export function learntBy({ alphas, values }: SearchState, candidates: SearchParts['candidates']) {
  return {
    candidates,
    alphas: splitByWidth(alphas.parameters, candidates),
    values: splitByWidth(values, candidates),
  };
}

function describe({ candidates, shared }: SearchParts, choice: readonly number[]) {
  const widths = candidates.map((options, width) => options[choice[width]]);
  return { widths, ...(shared ? { predicted: costOf(shared.model, choice) } : {}) };
}

/** Without photographs to judge by, the first one stays. */
const better = (a: FoundChoice | undefined, b: FoundChoice): FoundChoice => (a && !(b.psnrDb > a.psnrDb) ? a : b);

/** While the search runs: the best choice so far, as it would be without any tuning. */
export async function bestSoFar(parts: SearchParts, state: SearchState, judge: Judge): Promise<FoundChoice> {
  const { search, candidates, shared } = parts;
  let best = state.best;
  for (const proposal of proposeChoices(learntBy(state, candidates), shared).slice(0, 1)) {
    const { choice } = proposal;
    const { vector } = relaxedVector(search, state.weights.average, candidates, certain(candidates, choice));
    const psnrDb = await judge.validate(vector);
    judge.report({ type: 'search-choice', step: state.step, ...describe(parts, choice), psnrDb, tuned: false });
    best = better(best, { ...proposal, psnrDb, step: state.step });
  }
  return best as FoundChoice;
}

/**
 * After the last step: tunes and judges one choice that was not yet. Undefined when all are.
 */
export async function judgeNext(
  parts: SearchParts,
  state: SearchState,
  judge: Judge,
): Promise<SearchState | undefined> {
  const { judged = [], best } = state;
  const proposals: Proposal[] = [
    ...proposeChoices(learntBy(state, parts.candidates), parts.shared),
    ...(best ? [best] : []),
  ];
  const isKnown = (known: readonly Proposal[], { choice }: Proposal) =>
    known.some((other) => other.choice.join() === choice.join());
  const distinct = proposals.filter((proposal, i) => !isKnown(proposals.slice(0, i), proposal));
  const finalists = distinct.slice(0, judge.maxFinalists);
  const next = finalists.find((proposal) => !isKnown(judged, proposal));
  if (!next) return undefined;
  const { reading, choice } = next;
  const steps = finalists.length === 1 ? 0 : judge.tuneSteps;
  const vector = await tuneChoice(parts, state.weights.average, choice, steps, judge);
  const psnrDb = await judge.validate(vector);
  judge.report({ type: 'search-choice', step: state.step, ...describe(parts, choice), psnrDb, tuned: steps > 0 });
  return { ...state, judged: [...judged, { reading, choice, psnrDb, step: state.step }] };
}

export function winnerOf({ judged = [] }: SearchState): FoundChoice {
  return judged.reduce<FoundChoice | undefined>(better, undefined) as FoundChoice;
}
