/** A TF.js function with named inputs and outputs: what engines compile and run. */
import type { Tensor } from '../tf.ts';

export type Dtype = 'float32' | 'int32' | 'bool';

export interface TensorSpec {
  readonly shape: readonly number[];
  /** @default 'float32' */
  readonly dtype?: Dtype;
  /**
   * Axes whose size may differ from `shape` at run time. The compiler refuses a program whose graph
   * depends on them. @default []
   */
  readonly dynamicAxes?: readonly number[];
}

export interface Program {
  readonly name: string;
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  /**
   * Called once by a tracing engine, at every run by an eager one. Must be a pure function of its
   * inputs.
   */
  readonly run: (inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;
  /**
   * Values baked into the graph as constants (weights at inference). Passed to `run` beside the
   * inputs.
   */
  readonly constants?: Readonly<Record<string, TensorData>>;
}

export interface TensorData {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}
