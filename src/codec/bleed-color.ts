/** Gives invisible pixels the colour of their visible neighbours. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PixelImage } from '../pixels/image.ts';

/** Pixels between two turns of the event loop: a few milliseconds. */
const PIXELS_PER_TURN = 2 ** 16;

/**
 * Under fully transparent pixels most files hold black: a network mixes it into the visible edge and leaves a dark
 * fringe. Every pixel with alpha 0 takes the colour of the nearest pixel with alpha above 0, counted in steps along rows
 * and columns: colour spreads from the edges in waves. `rgb` is returned as it is where nothing is hidden.
 */
export async function bleedColor(rgb: PixelImage, alpha: PixelImage): Promise<PixelImage> {
  const { width, height } = rgb;
  if (!alpha.data.includes(0)) return rgb;
  const data = rgb.data.slice();
  const isColored = alpha.data.slice();
  // Every pixel enters once: first the visible ones, then each hidden one when colour has reached it.
  const queue = new Int32Array(width * height);
  let end = 0;
  for (let pixel = 0; pixel < isColored.length; pixel++) if (isColored[pixel] !== 0) queue[end++] = pixel;
  const spread = (from: number, to: number): void => {
    if (isColored[to] !== 0) return;
    isColored[to] = 1;
    data[to * 3] = data[from * 3];
    data[to * 3 + 1] = data[from * 3 + 1];
    data[to * 3 + 2] = data[from * 3 + 2];
    queue[end++] = to;
  };
  for (let start = 0; start < end; start++) {
    const pixel = queue[start];
    const x = pixel % width;
    if (pixel >= width) spread(pixel, pixel - width);
    if (x > 0) spread(pixel, pixel - 1);
    if (x < width - 1) spread(pixel, pixel + 1);
    if (pixel + width < isColored.length) spread(pixel, pixel + width);
    if ((start + 1) % PIXELS_PER_TURN === 0) await nextTurn();
  }
  return { width, height, channels: 3, data };
}
