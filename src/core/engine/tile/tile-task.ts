/**
 * What travels between the pool and its workers. Pixels and weights are shared memory, so a task
 * costs no copy.
 */
import type { ParameterValues } from '../../network/spec.ts';
import type { ChannelCount } from '../../pixels/image.ts';
import type { Runtime } from '../runtime.ts';
import type { ServedSpec } from '../served/served-types.ts';

/** A rectangle in LR pixels. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The LR area a tile is responsible for, and the larger one the network must see to get it right.
 */
export interface Tile extends Area {
  /**
   * The tile plus its halo, clipped at the image: there the network's own zero padding acts as on
   * the whole image.
   */
  readonly read: Area;
}

/**
 * Interleaved samples of a picture or of some of its rows. Networks read and write its colour,
 * never its alpha.
 */
export interface SharedImage {
  readonly width: number;
  readonly height: number;
  /** @default 3 */
  readonly channels?: ChannelCount;
  /** Bits per sample; 16 in the byte order of the machine. @default 8 */
  readonly depth?: 8 | 16;
  readonly pixels: SharedArrayBuffer;
}

/** Where tiles write: rows `top` to `top + height` of the enlarged source. */
export interface SharedDestination extends SharedImage {
  /** @default 0 */
  readonly top?: number;
}

interface SharedFacts {
  readonly digest: string;
  readonly scale: number;
  /** See `ServedModel`. */
  readonly vectorWidth?: number;
}

export interface SharedOnnxModel extends SharedFacts {
  readonly engine: 'onnx';
  readonly onnx: SharedArrayBuffer;
  readonly dualOnnx?: SharedArrayBuffer;
  readonly estimatorOnnx?: SharedArrayBuffer;
  readonly blockedOnnx?: Readonly<Record<8 | 16, SharedArrayBuffer>>;
}

export interface SharedTfjsModel extends SharedFacts {
  readonly engine: 'tfjs';
  readonly spec: ServedSpec;
  /** Views of one shared block. */
  readonly parameters: Readonly<Record<string, ParameterValues>>;
  readonly dualParameters?: Readonly<Record<string, ParameterValues>>;
}

export type SharedModel = SharedOnnxModel | SharedTfjsModel;

export interface TileTask {
  readonly model: SharedModel;
  readonly runtime: Runtime;
  /** Intra-op threads an ONNX Runtime session may use. */
  readonly threads: number;
  readonly source: SharedImage;
  readonly tile: Tile;
  /** `model.scale` times as wide as `source`. */
  readonly destination: SharedDestination;
  /** Share of its rows that the dual network checks, 0 to 1, where the model has one. */
  readonly checkShare: number;
  /** How the picture was degraded: for models with a vector, which enlarge by it. */
  readonly vector?: Float32Array;
  /**
   * Instead of enlarging, the read area's degradation vector is estimated and put here, float32.
   */
  readonly estimate?: SharedArrayBuffer;
}

/** Absolute differences on a tile's own pixels. */
export interface TileDifference {
  /** In 8-bit levels. */
  readonly sum: number;
  /** Samples summed over. */
  readonly count: number;
}

/**
 * Failures of the network come back as values: whatever makes a worker's promise reject is a crash.
 */
export type TileOutcome =
  | { readonly ok: true; readonly difference?: TileDifference }
  | { readonly ok: false; readonly message: string };
