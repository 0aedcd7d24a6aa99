/** What a compressed network may cost, in the unit that its owner thinks in. */
import { badOption } from '../../core/errors.ts';
import { createNetwork } from '../../core/network/create-network.ts';
import { countMacs, countParameters } from '../../core/network/network.ts';
import { prunableWidths, withWidths } from '../../core/network/prunable.ts';
import type { NetworkSpec } from '../../core/network/spec.ts';

/** A time on this machine. Engine, provider and threads are those of the engine that measures. */
export interface LatencyBudget {
  readonly kind: 'latency';
  /** Milliseconds for one picture, above 0. */
  readonly latencyMs: number;
  /** LR pixels of the picture. */
  readonly width: number;
  readonly height: number;
  /** Which of the measured runs counts, 1 to 99. @default 50 */
  readonly percentile?: number;
  /** Intra-op threads of a run. @default 1 */
  readonly threads?: number;
}

export type Budget =
  /** The paper's: of every width the share `ratio` is removed, 0 to 1 (both excluded), rounded to the multiple in use. */
  | { readonly kind: 'ratio'; readonly ratio: number }
  | LatencyBudget
  /** Trainable numbers of the primal network. */
  | { readonly kind: 'params'; readonly parameters: number }
  /** Multiply-accumulates for a 1280 x 720 output, as the tables of the papers count. */
  | { readonly kind: 'macs'; readonly macs: number };

/** Widths are multiples of this: 4 suits any device, 8 and 16 vector units of 256 and 512 bits. */
export const MULTIPLES = [4, 8, 16] as const;
export type Multiple = (typeof MULTIPLES)[number];

/** With a budget of latency: each candidate of each kind of width is a network to be timed, and one run of a DRN takes seconds. */
export const timedMultiple = ({ family }: NetworkSpec, multiple: Multiple): Multiple =>
  family === 'drn' ? 16 : multiple;

/** The cost of every choice of widths, as a sum over the widths: what a budget limits. */
export interface CostModel {
  readonly unit: 'ms' | 'parameters' | 'macs';
  /** What is left when every width has its first candidate at cost 0. */
  readonly fixed: number;
  /** Per prunable width, per candidate. */
  readonly costs: readonly (readonly number[])[];
}

export interface KnapsackLimits {
  /** Highest cost. */
  readonly limit: number;
  /** Lowest cost to aim for; a cheaper choice is taken only when there is none in between. @default 0 */
  readonly floor?: number;
}

/** What all widths together may cost. */
export interface SharedBudget extends KnapsackLimits {
  readonly model: CostModel;
}

/** @param choice index of the candidate per width. */
export function costOf({ fixed, costs }: CostModel, choice: readonly number[]): number {
  return choice.reduce((sum, candidate, width) => sum + costs[width][candidate], fixed);
}

/**
 * The costs of single widths, found by changing one at a time.
 * @param cost of a network, which must be a sum over its widths.
 */
export function additiveCosts(
  unit: CostModel['unit'],
  spec: NetworkSpec,
  candidates: readonly (readonly number[])[],
  cost: (spec: NetworkSpec) => number,
): CostModel {
  const full = prunableWidths(spec).map(({ width }) => width);
  const total = cost(spec);
  const savings = candidates.map((options, at) =>
    options.map((width) => total - cost(withWidths(spec, full.with(at, width)))),
  );
  const largest = savings.map((saved) => Math.max(...saved));
  return {
    unit,
    fixed: largest.reduce((left, saved) => left - saved, total),
    costs: savings.map((saved, at) => saved.map((value) => largest[at] - value)),
  };
}

/** Both excluded, as is what is not a number. */
const inRange = (value: number, min: number, max: number): boolean => value > min && value < max;

/** @throws DS_BAD_OPTION for a number out of range, or a budget that the full network already meets. */
export function checkBudget(budget: Budget, spec: NetworkSpec): void {
  if (budget.kind === 'ratio' && !inRange(budget.ratio, 0, 1)) {
    throw badOption('--ratio', 'above 0 and below 1', budget.ratio);
  }
  if (budget.kind === 'latency') {
    const { latencyMs, percentile = 50 } = budget;
    if (!inRange(latencyMs, 0, Number.POSITIVE_INFINITY)) throw badOption('--latency', 'above 0 ms', latencyMs);
    if (!(percentile >= 1 && percentile <= 99)) throw badOption('--percentile', 'from 1 to 99', percentile);
  }
  const network = createNetwork(spec);
  const parameters = countParameters(network);
  if (budget.kind === 'params' && !inRange(budget.parameters, 0, parameters)) {
    throw badOption('--params', `below the ${parameters} that the network has`, budget.parameters);
  }
  const macs = countMacs(network, 1280 / spec.scale, 720 / spec.scale);
  if (budget.kind === 'macs' && !inRange(budget.macs, 0, macs)) {
    throw badOption('--macs', `below the ${Math.round(macs)} that the network takes`, budget.macs);
  }
}
