/** The interface every engine implements. `onnx` traces and compiles, `tfjs` runs eagerly. */
import type { Program, TensorData } from '../graph/program.ts';

export type Provider = 'cpu' | 'webgpu' | 'cuda' | 'tensorrt';

export type Tensors = Readonly<Record<string, TensorData>>;

export interface Executable {
  /** Blocks the calling thread while it computes, although it returns a promise (ONNX Runtime in Node): call it in a worker. */
  run(inputs: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

export interface Engine {
  readonly name: 'onnx' | 'tfjs';
  /** ONNX Runtime provider or TF.js backend that was chosen. */
  readonly provider: string;
  compile(program: Program): Promise<Executable>;
}

/** A model as workers need it. The compiled graph has input `image` [1, H, W, 3] and output `enlarged` [1, s*H, s*W, 3], float32 in 0..1, H and W free. */
export interface ServedModel {
  readonly id: string;
  /** sha256 of the weights and the spec: two models with the same digest give the same pixels. */
  readonly digest: string;
  readonly scale: number;
  /** See `Network.halo`. */
  readonly halo: number | undefined;
  /** Multiply-accumulates per LR pixel. */
  readonly macsPerLrPixel: number;
  readonly onnx: Uint8Array;
}
