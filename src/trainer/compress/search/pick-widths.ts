/** From what a search has learnt to one width each: several readings of it, of which held-out photographs choose. */
import type { CostModel } from '../budget.ts';
import { chooseWidths, type KnapsackLimits } from './choose-widths.ts';
import { softmax } from './relaxation.ts';

export interface SharedBudget extends KnapsackLimits {
  readonly model: CostModel;
}

type PerCandidate = readonly (readonly number[])[];

/** As equal shares of all widths as the budget allows: what one would take without a search. */
export function evenValues(candidates: PerCandidate): number[][] {
  return candidates.map((options) => options.map((width) => Math.sqrt(width / Math.max(...options))));
}

export interface Learnt {
  readonly candidates: PerCandidate;
  readonly alphas: PerCandidate;
  readonly values: PerCandidate;
}

const indexOfLargest = (numbers: readonly number[]): number => numbers.indexOf(Math.max(...numbers));

/**
 * By what a choice is made. `alphas`: how probable the search made each width. `worth`: what the channels are worth to
 * first order. `thin` and `dropped`: what the whole width is worth, with returns that diminish fast (many thin blocks)
 * or slowly (some blocks dropped, the others wide). `even`: equal shares.
 */
export const READINGS = ['alphas', 'worth', 'thin', 'dropped', 'even'] as const;
export type Reading = (typeof READINGS)[number];

/** Worth of a share of the channels is that share to this power of the whole's. */
const RETURNS = { thin: 0.5, dropped: 0.75 };

/** What each candidate is worth by one reading. */
export function readValues({ candidates, alphas, values }: Learnt, reading: Reading): PerCandidate {
  switch (reading) {
    case 'even':
      return evenValues(candidates);
    case 'worth':
      return values;
    case 'alphas':
      return alphas.map((options) => softmax(options).map((probability) => Math.log(probability + 1e-12)));
    default:
      return candidates.map((options, width) => {
        // Noise may make a whole width look worthless, which it is not.
        const whole = Math.max((values[width].at(-1) as number) - values[width][0], 0);
        return options.map((kept) => whole * (kept / Math.max(...options)) ** RETURNS[reading]);
      });
  }
}

export interface Proposal {
  readonly reading: Reading;
  /** Index of the candidate per width. */
  readonly choice: readonly number[];
}

/**
 * Without a shared budget the paper's choice, the largest alpha of each width, and the most that each width may keep.
 * With one, the choice of most value by each reading. Equal ones come once.
 */
export function proposeChoices(learnt: Learnt, shared?: SharedBudget): Proposal[] {
  const proposals = shared
    ? READINGS.flatMap((reading) => {
        const found = chooseWidths(readValues(learnt, reading), shared.model, shared);
        return found ? [{ reading, choice: found.choice }] : [];
      })
    : [
        { reading: 'alphas' as const, choice: learnt.alphas.map(indexOfLargest) },
        { reading: 'even' as const, choice: learnt.candidates.map(indexOfLargest) },
      ];
  const isFirst = ({ choice }: Proposal, at: number) =>
    proposals.findIndex((other) => other.choice.join() === choice.join()) === at;
  return proposals.filter(isFirst);
}
