/** Gives invisible pixels the colour of their visible neighbours. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { hasAlpha, type Raster } from '../pixels/image.ts';

/** Pixels between two turns of the event loop: a few milliseconds. */
const PIXELS_PER_TURN = 2 ** 16;

/**
 * How far colour spreads, in steps along rows and columns. No network that is run in tiles looks farther, so what lies beyond
 * has no part in a visible pixel; and a strip of a picture is bled like the whole when it has as many rows around it.
 */
export const BLEED_REACH = 64;

/**
 * Under fully transparent pixels most files hold black: a network mixes it into the visible edge and leaves a dark
 * fringe. Every pixel with alpha 0 takes the colour of the nearest pixel with alpha above 0, counted in steps along rows
 * and columns: colour spreads from the edges in waves, up to `reach` steps. Changes `picture`; without alpha (1 or 3
 * channels) there is nothing to do.
 */
export async function bleedColor(picture: Raster, reach = BLEED_REACH): Promise<void> {
  const { width, height, channels, data } = picture;
  if (!hasAlpha(channels)) return;
  const front = await findVisible(picture);
  const { queue, step } = front;
  const count = width * height;
  let { end } = front;
  if (end === count) return;
  const spread = (from: number, to: number): void => {
    if (step[to] !== 0) return;
    step[to] = (step[from] as number) + 1;
    const [source, target] = [from * channels, to * channels];
    for (let channel = 0; channel < channels - 1; channel++) data[target + channel] = data[source + channel] as number;
    queue[end++] = to;
  };
  for (let start = 0; start < end; start++) {
    const pixel = queue[start] as number;
    // The queue is in the order of steps: nothing behind this one spreads any more.
    if ((step[pixel] as number) > reach) return;
    const x = pixel % width;
    if (pixel >= width) spread(pixel, pixel - width);
    if (x > 0) spread(pixel, pixel - 1);
    if (x < width - 1) spread(pixel, pixel + 1);
    if (pixel + width < count) spread(pixel, pixel + width);
    if ((start + 1) % PIXELS_PER_TURN === 0) await nextTurn();
  }
}

interface Front {
  /** Every pixel enters once: first the visible ones, then each hidden one when colour has reached it. */
  readonly queue: Int32Array;
  readonly end: number;
  /** For each pixel the steps from a visible one, from 1; 0 where colour has not come. */
  readonly step: Uint16Array;
}

async function findVisible({ width, height, channels, data }: Raster): Promise<Front> {
  const count = width * height;
  const queue = new Int32Array(count);
  const step = new Uint16Array(count);
  let end = 0;
  for (let pixel = 0; pixel < count; pixel++) {
    if (pixel % PIXELS_PER_TURN === 0) await nextTurn();
    if (data[(pixel + 1) * channels - 1] === 0) continue;
    step[pixel] = 1;
    queue[end++] = pixel;
  }
  return { queue, end, step };
}
