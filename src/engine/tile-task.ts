/** What travels between the pool and its workers. Pixels and weights are shared memory, so a task costs no copy. */
import type { ParameterValues } from '../network/create-network.ts';
import type { NetworkSpec } from '../network/network.ts';
import type { Runtime } from './engine.ts';

/** A rectangle in LR pixels. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The LR area a tile is responsible for, and the larger one the network must see to get it right. */
export interface Tile extends Area {
  /** The tile plus its halo, clipped at the image: there the network's own zero padding acts as on the whole image. */
  readonly read: Area;
}

/** Interleaved 8-bit RGB, `width * height * 3` bytes. */
export interface SharedImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: SharedArrayBuffer;
}

interface SharedFacts {
  readonly digest: string;
  readonly scale: number;
}

export interface SharedOnnxModel extends SharedFacts {
  readonly engine: 'onnx';
  readonly onnx: SharedArrayBuffer;
}

export interface SharedTfjsModel extends SharedFacts {
  readonly engine: 'tfjs';
  readonly spec: NetworkSpec;
  /** Views of one shared block. */
  readonly parameters: Readonly<Record<string, ParameterValues>>;
}

export type SharedModel = SharedOnnxModel | SharedTfjsModel;

export interface TileTask {
  readonly model: SharedModel;
  readonly runtime: Runtime;
  /** Intra-op threads an ONNX Runtime session may use. */
  readonly threads: number;
  readonly source: SharedImage;
  readonly tile: Tile;
  /** `model.scale` times as wide and high as `source`. */
  readonly destination: SharedImage;
}

/** Failures of the network come back as values: whatever makes a worker's promise reject is a crash. */
export type TileOutcome = { readonly ok: true } | { readonly ok: false; readonly message: string };
