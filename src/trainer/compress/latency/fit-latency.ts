/** From times that were added up to the time that is measured: widths are changed until the real network meets the target. */
import { type CostModel, costOf } from '../budget.ts';
import { chooseWidths } from '../search/choose-widths.ts';

/** Share of the target that is to be used. */
export const FIT_FLOOR = 0.9;

export interface FitOptions {
  /** Milliseconds; what is measured should lie between `FIT_FLOOR` and 1 of it. */
  readonly targetMs: number;
  readonly model: CostModel;
  /** What each candidate is worth, per width: the search's. */
  readonly values: readonly (readonly number[])[];
  /** The search's own choice, which is measured first. */
  readonly choice?: readonly number[];
  /** Milliseconds that the real network takes with these candidates. */
  readonly measure: (choice: readonly number[]) => Promise<number>;
  /** Networks measured at most. @default 10 */
  readonly maxAttempts?: number;
  readonly report?: (attempt: FitAttempt) => void;
}

export interface FitAttempt {
  readonly choice: readonly number[];
  /** Milliseconds by the table, with what earlier attempts taught. */
  readonly predictedMs: number;
  readonly measuredMs: number;
}

export interface FitResult extends FitAttempt {
  /** Whether it lies where it should; false where no choice was found that does. It may be faster then, or too slow. */
  readonly fits: boolean;
  readonly attempts: readonly FitAttempt[];
}

/** Shares of the target aimed at: a second measurement differs from the first, so the window's edges are no place to be. */
const AIM = { low: 0.925, high: 0.985 };

/** When the aim leads to a choice that is known already, these multiples of it are tried. */
const SHIFTS = [1, 0.985, 1.015, 0.97, 1.03, 0.955, 0.94];

/** The choice of most value, not tried yet, whose time lies where it is aimed at when predictions are multiplied by `correction`. */
function propose(
  { model, values, targetMs }: FitOptions,
  correction: number,
  attempts: readonly FitAttempt[],
): readonly number[] | undefined {
  for (const shift of SHIFTS) {
    const aim = (shift * targetMs) / correction;
    const choice = chooseWidths(values, model, { limit: AIM.high * aim, floor: AIM.low * aim })?.choice;
    if (choice && !attempts.some((attempt) => attempt.choice.join() === choice.join())) return choice;
  }
  return undefined;
}

/** 0 for a network that uses the target up, 1 for one that is faster than it need be, 2 for one that is too slow. */
function rank({ measuredMs }: FitAttempt, targetMs: number): number {
  if (!(measuredMs <= targetMs)) return 2;
  return measuredMs >= FIT_FLOOR * targetMs ? 0 : 1;
}

const distance = ({ measuredMs }: FitAttempt, targetMs: number): number =>
  Math.abs(measuredMs - ((AIM.low + AIM.high) / 2) * targetMs);

/** Undefined when even the cheapest choice is predicted to take longer than the target. */
export async function fitLatency(options: FitOptions): Promise<FitResult | undefined> {
  const { targetMs, model, measure, maxAttempts = 10, report } = options;
  const attempts: FitAttempt[] = [];
  // What the last network took over what was predicted: the next one differs little from it.
  let correction = 1;
  let choice = options.choice ?? propose(options, correction, attempts);
  while (choice && attempts.length < maxAttempts) {
    const added = costOf(model, choice);
    const attempt = { choice, predictedMs: added * correction, measuredMs: await measure(choice) };
    attempts.push(attempt);
    report?.(attempt);
    const share = attempt.measuredMs / targetMs;
    if (share >= AIM.low && share <= AIM.high) break;
    correction = attempt.measuredMs / added;
    choice = propose(options, correction, attempts);
  }
  if (attempts.length === 0) return undefined;
  const best = attempts.toSorted(
    (a, b) => rank(a, targetMs) - rank(b, targetMs) || distance(a, targetMs) - distance(b, targetMs),
  )[0];
  return { ...best, fits: rank(best, targetMs) === 0, attempts };
}
