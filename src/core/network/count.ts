/** Size and cost of a network, from its layer records alone. */
import type { Network } from './network.ts';

type Counted = Pick<Network, 'layers'>;

export function countParameters({ layers }: Counted): number {
  let count = 0;
  for (const { kernel, inChannels, outChannels, bias = true } of layers) {
    count += kernel * kernel * inChannels * outChannels + (bias ? outChannels : 0);
  }
  return count;
}

/**
 * Multiply-accumulates of the convolutions for one image of `lrWidth` x `lrHeight` pixels, a bias counted as one per output,
 * as the tables of the paper do. Activations, skips, pixel shuffles and the bicubic enlargement are not counted.
 */
export function countMacs({ layers }: Counted, lrWidth: number, lrHeight: number): number {
  let count = 0;
  for (const { kernel, inChannels, outChannels, bias = true, positionsPerLrPixel } of layers) {
    const positions = positionsPerLrPixel === 0 ? 1 : positionsPerLrPixel * lrWidth * lrHeight;
    count += positions * outChannels * (kernel * kernel * inChannels + (bias ? 1 : 0));
  }
  return count;
}
