/** The widths of most value whose cost a budget allows: a multiple-choice knapsack. */
import type { CostModel, KnapsackLimits, SharedBudget } from '../budget.ts';
import { softmax } from './relaxation.ts';

export interface Choice {
  /** Index of the candidate per width. */
  readonly choice: readonly number[];
  readonly value: number;
  readonly cost: number;
}

/** Steps in which costs are counted. Each cost is rounded up to one, so the limit holds and a choice may miss a value by this little. */
const STEPS = 8192;

/** Best value per cost so far, and which candidate of each width led there. */
interface Table {
  readonly best: Float64Array;
  readonly chosen: Int16Array[];
}

function fill(values: readonly (readonly number[])[], steps: readonly (readonly number[])[]): Table {
  let best = new Float64Array(STEPS + 1).fill(Number.NEGATIVE_INFINITY);
  best[0] = 0;
  const chosen = values.map((options, width) => {
    const next = new Float64Array(STEPS + 1).fill(Number.NEGATIVE_INFINITY);
    const taken = new Int16Array(STEPS + 1).fill(-1);
    for (const [candidate, value] of options.entries()) {
      const step = steps[width][candidate];
      for (let at = step; at <= STEPS; at++) {
        if (best[at - step] + value <= next[at]) continue;
        next[at] = best[at - step] + value;
        taken[at] = candidate;
      }
    }
    best = next;
    return taken;
  });
  return { best, chosen };
}

function trace({ chosen }: Table, steps: readonly (readonly number[])[], end: number): number[] {
  const choice = new Array<number>(chosen.length);
  let at = end;
  for (let width = chosen.length - 1; width >= 0; width--) {
    choice[width] = chosen[width][at];
    at -= steps[width][choice[width]];
  }
  return choice;
}

/**
 * @param values per width, per candidate.
 * @returns undefined when even the cheapest choice costs more than the limit.
 */
export function chooseWidths(
  values: readonly (readonly number[])[],
  { fixed, costs }: Pick<CostModel, 'fixed' | 'costs'>,
  { limit, floor = 0 }: KnapsackLimits,
): Choice | undefined {
  const cheapest = costs.map((options) => Math.min(...options));
  const base = cheapest.reduce((sum, cost) => sum + cost, fixed);
  if (base > limit) return undefined;
  const size = (limit - base) / STEPS;
  // Measured times may shrink with a width: counted from the cheapest, no step is negative.
  const stepsOf = (cost: number): number => (cost === 0 ? 0 : Math.ceil(cost / size - 1e-9));
  const steps = costs.map((options, width) => options.map((cost) => stepsOf(cost - cheapest[width])));
  const table = fill(values, steps);
  const found = (from: number): Choice | undefined => {
    let end = -1;
    for (let at = Math.max(0, from); at <= STEPS; at++) {
      if (Number.isFinite(table.best[at]) && (end < 0 || table.best[at] > table.best[end])) end = at;
    }
    if (end < 0) return undefined;
    const choice = trace(table, steps, end);
    const cost = choice.reduce((sum, candidate, width) => sum + costs[width][candidate], fixed);
    return { choice, value: table.best[end], cost };
  };
  // Rounding adds at most a step per width to a cost, so a choice at this many steps may cost less than the floor.
  const within = found(size > 0 ? Math.ceil((floor - base) / size) + costs.length : 0);
  return within ?? found(0);
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
