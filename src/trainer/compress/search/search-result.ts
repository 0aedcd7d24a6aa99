/** What the channel number search finds. */
import type { Reading } from './pick-widths.ts';

/** For one prunable width (`prunableWidths`). */
export interface SearchedWidth {
  readonly name: string;
  /** Channels of the full network. */
  readonly full: number;
  /** Ascending; the paper's tables hold some twice. */
  readonly candidates: readonly number[];
  /** One per candidate; softmax gives how much of it takes part. */
  readonly alphas: readonly number[];
  /** What each candidate is worth beside those of the other widths, by the reading that the choice was made with. */
  readonly values: readonly number[];
  /** The chosen width. */
  readonly width: number;
}

export interface SearchResult {
  readonly reading: Reading;
  /** The chosen widths, in the order of `prunableWidths`: `withWidths(spec, widths)` is the slim network. */
  readonly widths: readonly number[];
  readonly searched: readonly SearchedWidth[];
  /** In the budget's unit: milliseconds, parameters or multiply-accumulates. Absent for a ratio, which each width meets by itself. */
  readonly predicted?: number;
  /** Of the chosen network with the weights of the search, on held-out photographs; `NaN` without any. */
  readonly psnrDb: number;
}
