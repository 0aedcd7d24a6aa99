/** A model as workers are sent it. */
import type { LanczosSpec, NetworkSpec, ParameterValues } from '../../network/spec.ts';

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

interface ConditionedFacts {
  /**
   * Length of the degradation vector of conditioned models, which enlarge by one and can estimate
   * it.
   */
  readonly vectorWidth?: number;
}

/** What a model may need computed on every provider. */
export type ServedGraph = 'onnx' | 'dualOnnx' | 'estimatorOnnx';

/**
 * The compiled graph has input `image` [1, H, W, 3] and output `enlarged` [1, s*H, s*W, 3], float32
 * in 0..1, H and W free; models with a code also have input `code`.
 */
export interface OnnxServedModel extends ServedFacts, ConditionedFacts {
  readonly engine: 'onnx';
  readonly onnx: Uint8Array;
  /**
   * The same functions in graphs that the WebGPU provider computes right, where those are others.
   */
  readonly webgpu?: Readonly<Partial<Record<ServedGraph, Uint8Array>>>;
  /**
   * The same function for CPUs, whose picture leaves in cells and as bytes (`withSubpixelOutputs`);
   * absent where it cannot.
   */
  readonly cpuOnnx?: Uint8Array;
  /**
   * In its place, by the channels per block of the CPU's ONNX Runtime, for models whose
   * convolutions come in blocks.
   */
  readonly blockedOnnx?: Readonly<Record<8 | 16, Uint8Array>>;
  /**
   * Input `enlarged`, output `reduced` [1, H, W, 3]: the dual networks, where the model has them.
   */
  readonly dualOnnx?: Uint8Array;
  /** Input `image`, output `code`: models with a code. */
  readonly estimatorOnnx?: Uint8Array;
}

/** What an eager engine needs: workers build the network themselves. */
export interface TfjsServedModel extends ServedFacts, ConditionedFacts {
  readonly engine: 'tfjs';
  readonly spec: ServedSpec;
  readonly parameters: Readonly<Record<string, ParameterValues>>;
  /** Of the dual networks, where the model has them. */
  readonly dualParameters?: Readonly<Record<string, ParameterValues>>;
}

/** A model as the workers of one engine need it. */
export type ServedModel = OnnxServedModel | TfjsServedModel;
