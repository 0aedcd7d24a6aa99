/**
 * Networks as plain data: what a manifest holds, and nothing of TF.js, whose types the public ones
 * need not drag in.
 */

/**
 * One convolution. Its weight is `<name>.weight` [kernel, kernel, inChannels, outChannels] (HWIO),
 * its bias `<name>.bias` [outChannels].
 */
export interface ConvLayer {
  readonly name: string;
  readonly kernel: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** @default 1 */
  readonly stride?: 1 | 2;
  /** @default true */
  readonly bias?: boolean;
  /**
   * Output positions per LR pixel: 1 at LR resolution, 16 at HR resolution of a x4 network, 0 for
   * one position per image (channel attention).
   */
  readonly positionsPerLrPixel: number;
}

export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * Initialised with U(-1/sqrt(fanIn), 1/sqrt(fanIn)), PyTorch's default for convolutions, unless a
   * family says otherwise.
   */
  readonly fanIn: number;
}

export interface ParameterValues {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * The part of a network that is given how its picture was degraded, and can estimate it
 * (`edge-conditioned.ts`).
 */
export interface ConditioningSpec {
  /** Numbers of a code (`encodeDegradation` of degradation/vector.ts gives 5). */
  readonly width: number;
  /** Channels of the two layers between a code and what it does to the blocks. */
  readonly hidden: number;
  /** Channels of the estimator at full, half and quarter LR resolution. */
  readonly estimator: readonly [number, number, number];
}

export interface EdgeSpec {
  readonly family: 'edge';
  readonly scale: 2 | 3 | 4 | 8;
  /** Channels of the trunk. */
  readonly featureCount: number;
  /**
   * Inner width of each residual block: its length is the number of blocks. Pruning makes these
   * differ; a block of width 0 is dropped, with its biases.
   */
  readonly innerWidths: readonly number[];
  /**
   * Present in networks for unknown and for known degradations; absent in those for one, which
   * nobody has to name.
   */
  readonly code?: ConditioningSpec;
}

export interface DrnSpec {
  readonly family: 'drn';
  readonly scale: 2 | 4 | 8;
  /** Channels at HR resolution (F in the paper's code: 16 for S x4, 20 for L x4). */
  readonly featureCount: number;
  /** RCABs per up stage (N). */
  readonly blockCount: number;
  /**
   * Inner widths in the order of the released configurations: down blocks, then per up stage its
   * RCABs and its upsampler. Absent: full widths.
   */
  readonly keptChannels?: readonly number[];
}

export interface DualSpec {
  readonly family: 'dual';
  readonly scale: 2 | 3 | 4 | 8;
  readonly featureCount: number;
  /** Length of the degradation vector of a conditioned network. */
  readonly vectorWidth?: number;
}

/** Resampling that stands in for a network (`lanczos.ts`). */
export interface LanczosSpec {
  readonly family: 'lanczos';
  /** 2, 3, 4 ... */
  readonly scale: number;
}

export type NetworkSpec = EdgeSpec | DrnSpec;
