/** What a channel is worth, and the choice of the best. Weights are HWIO; a channel is an input of the convolution that reads it. */

import type { PrunableWidth } from '../../../core/network/prunable.ts';
import type { ParameterValues } from '../../../core/network/spec.ts';

/**
 * The gradient norm of discrimination-aware channel pruning (Zhuang et al., NeurIPS 2018), as the code of arXiv 2207.07929
 * takes it: for every input channel the sum over the outputs of the Euclidean norm over the kernel.
 * @param gradient of the loss with respect to a weight of this shape, [k, k, in, out].
 */
export function gradientNorms(gradient: Float32Array, shape: readonly number[]): Float64Array {
  const [height, width, inChannels, outChannels] = shape;
  const squares = new Float64Array(inChannels * outChannels);
  for (let position = 0; position < height * width; position++) {
    const from = position * squares.length;
    for (let i = 0; i < squares.length; i++) squares[i] += gradient[from + i] ** 2;
  }
  const scores = new Float64Array(inChannels);
  for (let i = 0; i < squares.length; i++) scores[Math.floor(i / outChannels)] += Math.sqrt(squares[i]);
  return scores;
}

/** Of the filters that make the channels, the sum of the weights' magnitudes (Li et al., "Pruning Filters", ICLR 2017). */
export function filterNorms({ width }: PrunableWidth, { shape, data }: ParameterValues): Float64Array {
  const outChannels = shape[3];
  const scores = new Float64Array(width);
  // Before a pixel shuffle a channel has several filters, a width apart.
  for (let i = 0; i < data.length; i++) scores[(i % outChannels) % width] += Math.abs(data[i]);
  return scores;
}

/** The `count` channels of highest score among those not `taken`, ascending; of equals the first. */
export function bestChannels(scores: Float64Array, count: number, taken: ReadonlySet<number> = new Set()): number[] {
  return Array.from(scores, (_, channel) => channel)
    .filter((channel) => !taken.has(channel))
    .sort((a, b) => scores[b] - scores[a] || a - b)
    .slice(0, count)
    .sort((a, b) => a - b);
}
