/** Which widths the search chooses from. */

import { type PrunableWidth, prunableWidths } from '../../../core/network/prunable.ts';
import type { NetworkSpec } from '../../../core/network/spec.ts';
import type { Multiple } from '../budget.ts';

/** Shares of the cap, as in the released code. */
const SHARES = [0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** To the nearest multiple; halfway goes down, as in the released code. */
function roundToMultiple(value: number, multiple: number): number {
  const rest = value % multiple;
  return 2 * rest > multiple ? value - rest + multiple : value - rest;
}

/**
 * The paper's candidates for `width` channels of which the share `ratio` is removed: six, ascending, some of them equal.
 * Each is at least one multiple and at most `width`; rounding may take the largest past (1 - ratio) * width.
 */
export function paperCandidates(width: number, ratio: number, multiple: Multiple = 4): number[] {
  return SHARES.map((share) => {
    const rounded = roundToMultiple(Math.trunc(width * (1 - ratio) * share), multiple);
    return Math.min(width, Math.max(multiple, rounded));
  });
}

/** For a budget that the widths share: every multiple from the fewest channels that may stay up to all of them. */
export function sharedCandidates({ width, least }: PrunableWidth, multiple: Multiple): number[] {
  const candidates = new Set([least, width]);
  for (let value = multiple; value < width; value += multiple) if (value > least) candidates.add(value);
  return [...candidates].sort((a, b) => a - b);
}

/** One list per prunable width. Without a ratio the budget is shared. */
export function listCandidates(spec: NetworkSpec, multiple: Multiple, ratio?: number): number[][] {
  return prunableWidths(spec).map((prunable) =>
    ratio === undefined ? sharedCandidates(prunable, multiple) : paperCandidates(prunable.width, ratio, multiple),
  );
}

/** Share of all channels that goes when each width keeps the most of its candidates: as much goes in any case. */
export function leastRemoved(spec: NetworkSpec, candidates: readonly (readonly number[])[]): number {
  const all = prunableWidths(spec).reduce((sum, { width }) => sum + width, 0);
  const kept = candidates.reduce((sum, options) => sum + Math.max(...options), 0);
  return all === 0 ? 0 : 1 - kept / all;
}
