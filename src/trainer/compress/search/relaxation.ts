/**
 * The channel number search's relaxation: one forward pass in which each channel takes part as much as the candidates
 * that keep it are probable (arXiv 2207.07929 and its released code; DARTS' softmax). All of it is a few numbers per
 * channel, so it is computed outside the program, whose gradient ends at the channels' weights.
 */
import type { SharedBudget } from '../budget.ts';

/**
 * Rank of each input channel of a convolution by the L1 norm of its weights, 0 for the largest.
 * @param weight HWIO, flat.
 */
export function rankChannels(weight: Float32Array, [, , inChannels, outChannels]: readonly number[]): Int32Array {
  const norms = new Float64Array(inChannels);
  for (let i = 0; i < weight.length; i++) norms[Math.floor(i / outChannels) % inChannels] += Math.abs(weight[i]);
  const ranks = new Int32Array(inChannels);
  const order = Array.from(norms.keys()).sort((a, b) => norms[b] - norms[a] || a - b);
  for (const [rank, channel] of order.entries()) ranks[channel] = rank;
  return ranks;
}

export function softmax(alphas: readonly number[]): number[] {
  const largest = Math.max(...alphas);
  const powers = alphas.map((alpha) => Math.exp(alpha - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** m_c, the sum of the probabilities of the candidates that keep channel c: 1 below the smallest, 0 from the largest on. */
export function channelWeights(
  probabilities: readonly number[],
  candidates: readonly number[],
  ranks: Int32Array,
): Float32Array {
  return Float32Array.from(ranks, (rank) => probabilityFrom(probabilities, candidates, rank));
}

/** Probability that a candidate keeps the channel of this rank. Of rank 0 it is how much of the block takes part. */
export function probabilityFrom(probabilities: readonly number[], candidates: readonly number[], rank: number): number {
  // What is left of 1 rather than a sum: where every candidate keeps the channel, the weight is 1 and not nearly so.
  return probabilities.reduce((left, probability, i) => (candidates[i] > rank ? left : left - probability), 1);
}

/**
 * Per candidate, the gradient with respect to its probability: the sum over the channels that it keeps.
 * @param channelGradient with respect to the channels' weights.
 * @param blockGradient with respect to the weight of the block, which any candidate but 0 keeps.
 */
export function candidateGradient(
  candidates: readonly number[],
  ranks: Int32Array,
  channelGradient: Float32Array,
  blockGradient = 0,
): number[] {
  const largest = Math.max(...candidates);
  const sums = new Float64Array(largest + 1);
  for (const [channel, rank] of ranks.entries()) if (rank < largest) sums[rank + 1] = channelGradient[channel];
  for (let kept = 1; kept <= largest; kept++) sums[kept] += sums[kept - 1];
  return candidates.map((width) => sums[width] + (width > 0 ? blockGradient : 0));
}

/** Through the softmax: p_i * (g_i - sum_j p_j g_j). */
export function alphaGradient(probabilities: readonly number[], gradient: readonly number[]): number[] {
  const mean = probabilities.reduce((sum, probability, i) => sum + probability * gradient[i], 0);
  return probabilities.map((probability, i) => probability * (gradient[i] - mean));
}

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
