/** Which part of a picture its degradation is estimated from. */
import type { Area, SharedImage } from '../engine/tile/tile-task.ts';

/** Side in pixels: an estimate from 256 costs four times as much and is no better (dev/LOG.md). */
const LARGEST_SIDE = 128;
/** JPEG blocks start at its multiples. */
const GRID = 16;
/** Places that are tried along an axis, at most. */
const MAX_PLACES = 16;

/**
 * Sum of absolute differences between neighbours of one channel, on every fourth row and column:
 * blur and noise show in detail.
 */
function detail({ width, channels = 3 }: SharedImage, samples: Uint8Array | Uint16Array, area: Area): number {
  let sum = 0;
  for (let y = area.y; y < area.y + area.height - 1; y += 4) {
    for (let x = area.x; x < area.x + area.width - 1; x += 4) {
      const at = (y * width + x) * channels + (channels > 2 ? 1 : 0);
      const value = samples[at];
      sum += Math.abs(value - samples[at + channels]) + Math.abs(value - samples[at + width * channels]);
    }
  }
  return sum;
}

/** Where windows begin along an axis. */
function starts(length: number, side: number): number[] {
  const step = Math.max(4, Math.ceil((length - side) / GRID / MAX_PLACES)) * GRID;
  return Array.from({ length: Math.floor((length - side) / step) + 1 }, (_, i) => i * step);
}

/**
 * The whole picture where it is small, else its most detailed square, beginning at a multiple of
 * 16.
 */
export function estimateArea(image: SharedImage): Area {
  const width = Math.min(image.width, LARGEST_SIDE);
  const height = Math.min(image.height, LARGEST_SIDE);
  const samples = image.depth === 16 ? new Uint16Array(image.pixels) : new Uint8Array(image.pixels);
  let best: Area = { x: 0, y: 0, width, height };
  let most = -1;
  for (const y of starts(image.height, height)) {
    for (const x of starts(image.width, width)) {
      const area = { x, y, width, height };
      const found = detail(image, samples, area);
      if (found > most) [best, most] = [area, found];
    }
  }
  return best;
}
