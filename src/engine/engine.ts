/** The interface every engine implements. `onnx` traces and compiles, `tfjs` runs eagerly. */
import type { Program, TensorData } from '../graph/program.ts';
import type { ParameterValues } from '../network/create-network.ts';
import type { LanczosSpec } from '../network/lanczos.ts';
import type { NetworkSpec } from '../network/network.ts';

export type Provider = 'cpu' | 'webgpu' | 'cuda' | 'tensorrt';

export type TfjsBackend = 'tensorflow' | 'wasm' | 'cpu';

export const ENGINE_NAMES = ['onnx', 'tfjs'] as const;

export type EngineName = (typeof ENGINE_NAMES)[number];

/** An engine and where it computes. */
export type Runtime =
  | { readonly engine: 'onnx'; readonly provider: Provider }
  | { readonly engine: 'tfjs'; readonly provider: TfjsBackend };

export type Tensors = Readonly<Record<string, TensorData>>;

export interface Executable {
  /** Blocks the calling thread while it computes, although it returns a promise (ONNX Runtime in Node): call it in a worker. */
  run(inputs: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

export interface Engine {
  readonly name: EngineName;
  /** ONNX Runtime provider or TF.js backend that was chosen. */
  readonly provider: string;
  compile(program: Program): Promise<Executable>;
}

/** What workers run: networks, and the resampling that stands in for them. */
export type ServedSpec = NetworkSpec | LanczosSpec;

interface ServedFacts {
  readonly id: string;
  /** sha256 of the weights and the spec: two models with the same digest give the same pixels. */
  readonly digest: string;
  readonly scale: number;
  /** See `Network.halo`. */
  readonly halo: number | undefined;
  /** Multiply-accumulates per LR pixel. */
  readonly macsPerLrPixel: number;
  /** Of the dual networks, where the model has them. */
  readonly dualMacsPerLrPixel?: number;
}

interface CodedFacts {
  /** Numbers of the degradation's code, for models that are told it: they enlarge by a code and can guess one. */
  readonly codeWidth?: number;
}

/** The compiled graph has input `image` [1, H, W, 3] and output `enlarged` [1, s*H, s*W, 3], float32 in 0..1, H and W free; models with a code also have input `code`. */
export interface OnnxServedModel extends ServedFacts, CodedFacts {
  readonly engine: 'onnx';
  readonly onnx: Uint8Array;
  /** The same function in a graph that the WebGPU provider computes right, where that is another one. */
  readonly webgpuOnnx?: Uint8Array;
  /** Input `enlarged`, output `reduced` [1, H, W, 3]: the dual networks, where the model has them. */
  readonly dualOnnx?: Uint8Array;
  /** Input `image`, output `code`: models with a code. */
  readonly estimatorOnnx?: Uint8Array;
  /** `onnx` for CPUs, by the channels per block of their ONNX Runtime: models with a code. */
  readonly blockedOnnx?: Readonly<Record<8 | 16, Uint8Array>>;
}

/** What an eager engine needs: workers build the network themselves. */
export interface TfjsServedModel extends ServedFacts, CodedFacts {
  readonly engine: 'tfjs';
  readonly spec: ServedSpec;
  readonly parameters: Readonly<Record<string, ParameterValues>>;
  /** Of the dual networks, where the model has them. */
  readonly dualParameters?: Readonly<Record<string, ParameterValues>>;
}

/** A model as the workers of one engine need it. */
export type ServedModel = OnnxServedModel | TfjsServedModel;
