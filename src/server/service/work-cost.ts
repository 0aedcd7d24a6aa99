/** What a picture costs, in giga multiply-accumulates: the unit in which the queue counts. */

/**
 * Encoding, in multiply-accumulates of a network: one core did about 50 giga of them in a second and wrote 15 to 40 million
 * pixels as JPEG or PNG. It matters for small networks only.
 */
const MACS_PER_OUTPUT_PIXEL = 2000;

/** Reading a head, starting a tile: about a millisecond. */
const FIXED_GIGAMACS = 0.05;

export interface CostedModel {
  readonly scale: number;
  readonly macsPerLrPixel: number;
}

export function workCost({ scale, macsPerLrPixel }: CostedModel, inputPixels: number): number {
  return FIXED_GIGAMACS + (inputPixels * (macsPerLrPixel + MACS_PER_OUTPUT_PIXEL * scale ** 2)) / 1e9;
}
