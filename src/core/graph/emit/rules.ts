/** What an emission rule looks like. */
import type { TapeNode } from '../tape.ts';
import type { Emitter, Held } from './emitter.ts';

/** Emits ONNX for one tape node. `shapes` are the node's output shapes in program order. */
export type EmitRule = (
  emitter: Emitter,
  inputs: readonly Held[],
  node: TapeNode,
  shapes: readonly (readonly number[])[],
) => Held;
