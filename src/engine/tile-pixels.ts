/** The two pixel loops of a tile: 8-bit LR area to floats, floats back to the 8-bit SR area. */
import type { SharedImage, Tile } from './tile-task.ts';

const CHANNELS = 3;

/** The read area as [1, height, width, 3] with values in 0..1. */
export function cutTile(source: SharedImage, tile: Tile): Float32Array {
  const { x, y, width, height } = tile.read;
  const pixels = new Uint8Array(source.pixels);
  const values = new Float32Array(width * height * CHANNELS);
  const rowLength = width * CHANNELS;
  let to = 0;
  for (let row = 0; row < height; row++) {
    let from = ((y + row) * source.width + x) * CHANNELS;
    // Divided rather than multiplied by 1/255, so that a value is the float nearest to n/255, as in training.
    for (const end = from + rowLength; from < end; ) values[to++] = pixels[from++] / 255;
  }
  return values;
}

/** Rounds and clamps without a branch: 0.9 ms for 512x512 RGB, where a Uint8ClampedArray or comparisons take 2.5. NaN gives 0. */
function toByte(value: number): number {
  const rounded = (value * 255 + 0.5) | 0;
  const notNegative = rounded & ~(rounded >> 31);
  // All ones above 255; the array keeps the low 8 bits.
  return notNegative | ((255 - notNegative) >> 31);
}

/**
 * Writes the tile's own pixels of `enlarged` ([1, scale * read.height, scale * read.width, 3], 0..1, not clamped) into `destination`.
 * The halo is dropped here: only pixels with a full receptive field are kept, so neighbours agree at the seam.
 */
export function writeTile(enlarged: Float32Array, tile: Tile, scale: number, destination: SharedImage): void {
  const pixels = new Uint8Array(destination.pixels);
  const rowLength = tile.width * scale * CHANNELS;
  const left = (tile.x - tile.read.x) * scale;
  const top = (tile.y - tile.read.y) * scale;
  for (let row = 0; row < tile.height * scale; row++) {
    let from = ((top + row) * tile.read.width * scale + left) * CHANNELS;
    let to = ((tile.y * scale + row) * destination.width + tile.x * scale) * CHANNELS;
    for (const end = to + rowLength; to < end; ) pixels[to++] = toByte(enlarged[from++] as number);
  }
}
