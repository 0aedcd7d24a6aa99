/**
 * What a network is: a list of convolutions as data, and a forward pass written once in TF.js
 * (NHWC).
 */
import type { Tensor, Tensor4D } from '../tf.ts';
import type { ConvLayer, DualSpec, NetworkSpec, ParameterSpec } from './spec.ts';

export type Parameters = Readonly<Record<string, Tensor>>;

export interface Network<Spec = NetworkSpec | DualSpec> {
  readonly spec: Spec;
  readonly layers: readonly ConvLayer[];
  readonly parameters: readonly ParameterSpec[];
  /**
   * LR pixels of context a tile needs on every side to equal the whole image; undefined when the
   * whole image matters (global pooling).
   */
  readonly halo: number | undefined;
  /**
   * Layers that end a residual block: with weights and bias of zero, a block hands on what it got.
   */
  readonly residualEnds?: readonly string[];
  /**
   * Estimates the degradation vector [N, 1, 1, width] of each `image` [N, H, W, 3]. Present in
   * conditioned primal networks.
   */
  readonly estimate?: (parameters: Parameters, image: Tensor4D) => Tensor4D;
  /**
   * `image` [N, H, W, 3] with values in 0..1. Returns images in 0..1 (not clamped), smallest first;
   * the last one is the result. A primal network enlarges, a dual network reduces.
   * @param code [N, 1, 1, width] for networks that take one. A primal network without it estimates
   *   it from `image`, so that tiles no longer equal the whole image; a dual network needs it.
   */
  forward(parameters: Parameters, image: Tensor4D, code?: Tensor4D): Tensor4D[];
}

type Counted = Pick<Network, 'layers'>;

export function countParameters({ layers }: Counted): number {
  let count = 0;
  for (const { kernel, inChannels, outChannels, bias = true } of layers) {
    count += kernel * kernel * inChannels * outChannels + (bias ? outChannels : 0);
  }
  return count;
}

/**
 * Multiply-accumulates of the convolutions for one image of `lrWidth` x `lrHeight` pixels, a bias
 * counted as one per output, as the tables of the paper do. Activations, skips, pixel shuffles and
 * the bicubic enlargement are not counted.
 */
export function countMacs({ layers }: Counted, lrWidth: number, lrHeight: number): number {
  let count = 0;
  for (const { kernel, inChannels, outChannels, bias = true, positionsPerLrPixel } of layers) {
    const positions = positionsPerLrPixel === 0 ? 1 : positionsPerLrPixel * lrWidth * lrHeight;
    count += positions * outChannels * (kernel * kernel * inChannels + (bias ? 1 : 0));
  }
  return count;
}
