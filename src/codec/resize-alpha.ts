import { setImmediate as nextTurn } from 'node:timers/promises';
import { badOption } from '../errors.ts';
import { crop } from '../pixels/crop.ts';
import type { PixelImage } from '../pixels/image.ts';
import { imresize } from '../pixels/imresize.ts';

/** Side of a tile in pixels of the small plane. */
const TILE = 32;
/** The cubic kernel looks two pixels to either side. */
const MARGIN = 2;
/** Tiles between two turns of the event loop: a few milliseconds. */
const TILES_PER_TURN = 2;

/**
 * Enlarges an alpha plane (1 channel): exactly `imresize` with its bicubic kernel, so that edges lie where the pixels'
 * do (libvips' cubic is half an output pixel off). Overshoot at hard edges is clamped. Done tile by tile: the event loop
 * turns in between, and where the plane is flat, which is most of it, nothing is computed.
 *
 * @param scale 1, 2, 3 ...
 */
export async function resizeAlpha(alpha: PixelImage, scale: number): Promise<PixelImage> {
  if (alpha.channels !== 1) throw badOption('alpha', 'a plane of 1 channel', `${alpha.channels} channels`);
  if (!Number.isInteger(scale) || scale < 1) throw badOption('scale', 'a positive integer', scale);
  const [width, height] = [alpha.width * scale, alpha.height * scale];
  const output: PixelImage = { width, height, channels: 1, data: new Uint8Array(width * height) };
  let computed = 0;
  for (let y = 0; y < alpha.height; y += TILE) {
    for (let x = 0; x < alpha.width; x += TILE) {
      if (enlargeTile(alpha, output, scale, x, y) && ++computed % TILES_PER_TURN === 0) await nextTurn();
    }
  }
  return output;
}

/** False where the tile is flat and nothing had to be computed. */
function enlargeTile(alpha: PixelImage, output: PixelImage, scale: number, x: number, y: number): boolean {
  const left = Math.max(0, x - MARGIN);
  const top = Math.max(0, y - MARGIN);
  const right = Math.min(alpha.width, x + TILE + MARGIN);
  const bottom = Math.min(alpha.height, y + TILE + MARGIN);
  const source = crop(alpha, { x: left, y: top, width: right - left, height: bottom - top });
  const flat = source.data.every((value) => value === source.data[0]);
  const enlarged = flat ? undefined : imresize(source, { scale });
  const width = (Math.min(alpha.width, x + TILE) - x) * scale;
  const height = (Math.min(alpha.height, y + TILE) - y) * scale;
  for (let row = 0; row < height; row++) {
    const to = (y * scale + row) * output.width + x * scale;
    if (enlarged) {
      const from = ((y - top) * scale + row) * enlarged.width + (x - left) * scale;
      output.data.set(enlarged.data.subarray(from, from + width), to);
    } else {
      output.data.fill(source.data[0], to, to + width);
    }
  }
  return !flat;
}
