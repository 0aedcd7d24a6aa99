/** The interface every engine implements. `onnx` traces and compiles, `tfjs` runs eagerly. */
import type { Program, TensorData } from '../graph/program.ts';
import type { EngineName } from './runtime.ts';

export type Tensors = Readonly<Record<string, TensorData>>;

export interface Executable {
  /**
   * Blocks the calling thread while it computes, although it returns a promise (ONNX Runtime in
   * Node): call it in a worker.
   */
  run(inputs: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

export interface Engine {
  readonly name: EngineName;
  /** ONNX Runtime provider or TF.js backend that was chosen. */
  readonly provider: string;
  compile(program: Program): Promise<Executable>;
  /**
   * The program of a served network, with output `enlarged`, as this engine's tile workers run it:
   * what leaves it may have other names and another order. Absent where that is what `compile`
   * makes.
   */
  compileServed?(program: Program): Promise<Executable>;
}
