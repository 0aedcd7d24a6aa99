/** How long a network takes as a sum over its widths. */

/** What the times hold for. */
export interface LatencyConditions {
  /** `describeMachine()`. */
  readonly machine: string;
  readonly engine: string;
  readonly provider: string;
  readonly threads: number;
  /** LR pixels. */
  readonly width: number;
  readonly height: number;
  readonly percentile: number;
}

export interface WidthTimes {
  readonly name: string;
  /** Ascending, the last one the full width. */
  readonly candidates: readonly number[];
  /** Per candidate, the first one 0: what the network takes longer with it than with the first one. */
  readonly ms: readonly number[];
}

export interface LatencyTable {
  readonly conditions: LatencyConditions;
  /** Of the whole, uncompressed network. */
  readonly fullMs: number;
  /** Of the network with the first candidate everywhere. */
  readonly fixedMs: number;
  /** In the order of `prunableWidths`. */
  readonly widths: readonly WidthTimes[];
}
