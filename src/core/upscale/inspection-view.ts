/**
 * How a picture was degraded, as data. Alone in its file: the dashboard's page is checked against
 * it without Node's types.
 */
export interface InspectionView {
  /** Which model looked, and at which scale. */
  readonly model: string;
  readonly scale: number;
  /** Of the blur, in pixels of the enlarged picture; the larger one first. */
  readonly sigmaX: number;
  readonly sigmaY: number;
  /** Of sigmaX's axis, radians, counter-clockwise. */
  readonly angle: number;
  /** Standard deviation, 0..255. */
  readonly noiseSigma: number;
  /** 1 to 100; 100 where no compression shows. */
  readonly jpegQuality: number;
  /** Mean of absolute 8-bit levels; see `Inspection`. */
  readonly consistencyError: number;
  readonly dualError: number | null;
  /** Rows of the blur kernel, whose sum is 1. */
  readonly kernel: readonly (readonly number[])[];
}
