/** The record of a traced program: kernels in the order they ran, values by number. */
import type { Dtype } from './program.ts';

export interface TapeValue {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  /**
   * Content of a value known while tracing. A value with the same number everywhere is kept as
   * `splat` only.
   */
  readonly data?: Float32Array | Int32Array | Uint8Array;
  readonly splat?: number;
  /** Name of the program input or constant this value came in as. */
  readonly input?: string;
}

export type Attributes = Readonly<Record<string, unknown>>;

export interface TapeNode {
  readonly kernel: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly attributes: Attributes;
}

export interface Tape {
  readonly values: readonly TapeValue[];
  readonly nodes: readonly TapeNode[];
  readonly inputs: Readonly<Record<string, number>>;
  readonly outputs: Readonly<Record<string, number>>;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** How often each value is read by a node or leaves the program. */
export function countUses(tape: Tape): Uint32Array {
  const uses = new Uint32Array(tape.values.length);
  for (const node of tape.nodes) for (const id of node.inputs) uses[id]++;
  for (const id of Object.values(tape.outputs)) uses[id]++;
  return uses;
}
