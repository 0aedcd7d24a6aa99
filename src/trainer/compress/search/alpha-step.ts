/** The step of the alphas: towards a lower loss and, where the widths share a budget, towards a cost that it allows. */
import type { SharedBudget } from './pick-widths.ts';
import { alphaGradient } from './relaxation.ts';

type PerCandidate = readonly (readonly number[])[];

/** Most that the price of the cost changes in one step. */
const PRICE_STEP = 0.05;

/** The cost of the probable widths, with every candidate counted as much as it is probable. */
export function expectedCost({ model }: SharedBudget, probabilities: PerCandidate): number {
  return model.costs.reduce(
    (sum, options, width) => sum + options.reduce((mean, cost, i) => mean + cost * probabilities[width][i], 0),
    model.fixed,
  );
}

const norm = (gradients: PerCandidate): number => Math.hypot(...gradients.flat());

export interface AlphaGradient {
  readonly gradient: number[][];
  /** The next step's. */
  readonly multiplier: number;
  /** Undefined without a shared budget. */
  readonly expected?: number;
}

/**
 * The gradient of log(loss) + multiplier * cost / limit with respect to the alphas. The multiplier rises while the
 * expected cost is above the limit and falls below it; it starts where both terms are equally strong.
 * @param lossGradient with respect to the candidates' probabilities, relative to the loss.
 */
export function alphaStep(
  probabilities: PerCandidate,
  lossGradient: PerCandidate,
  multiplier: number,
  shared?: SharedBudget,
): AlphaGradient {
  const ofLoss = probabilities.map((p, width) => alphaGradient(p, lossGradient[width]));
  if (!shared) return { gradient: ofLoss, multiplier };
  const { model, limit } = shared;
  // What no choice can save counts on neither side.
  const removable = Math.max(limit - model.fixed, 1e-6 * limit);
  const ofCost = probabilities.map((p, width) =>
    alphaGradient(
      p,
      model.costs[width].map((cost) => cost / removable),
    ),
  );
  const price = multiplier > 0 ? multiplier : norm(ofLoss) / Math.max(norm(ofCost), 1e-12);
  const expected = expectedCost(shared, probabilities);
  const excess = (expected - limit) / removable;
  return {
    gradient: ofLoss.map((options, width) => options.map((value, i) => value + price * ofCost[width][i])),
    multiplier: price * Math.exp(Math.min(PRICE_STEP, Math.max(-PRICE_STEP, PRICE_STEP * 4 * excess))),
    expected,
  };
}
