/**
 * Transparency: the colour of invisible pixels before a network sees them, and the alpha channel of
 * the result.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ChannelCount, hasAlpha, type Raster, type Samples } from '../pixels/image.ts';
import { imresize } from '../pixels/imresize.ts';

/** Pixels between two turns of the event loop: a few milliseconds. */
const PIXELS_PER_TURN = 2 ** 16;

/**
 * How far colour spreads, in steps along rows and columns. No network that is run in tiles looks
 * farther, so what lies beyond has no part in a visible pixel; and a strip of a picture is bled
 * like the whole when it has as many rows around it.
 */
export const BLEED_REACH = 64;

/**
 * Under fully transparent pixels most files hold black: a network mixes it into the visible edge
 * and leaves a dark fringe. Every pixel with alpha 0 takes the colour of the nearest pixel with
 * alpha above 0, counted in steps along rows and columns: colour spreads from the edges in waves,
 * up to `reach` steps. Changes `picture`; without alpha (1 or 3 channels) there is nothing to do.
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
    step[to] = step[from] + 1;
    const [source, target] = [from * channels, to * channels];
    for (let channel = 0; channel < channels - 1; channel++) data[target + channel] = data[source + channel];
    queue[end++] = to;
  };
  for (let start = 0; start < end; start++) {
    const pixel = queue[start];
    // The queue is in the order of steps: nothing behind this one spreads any more.
    if (step[pixel] > reach) return;
    const x = pixel % width;
    if (pixel >= width) spread(pixel, pixel - width);
    if (x > 0) spread(pixel, pixel - 1);
    if (x < width - 1) spread(pixel, pixel + 1);
    if (pixel + width < count) spread(pixel, pixel + width);
    if ((start + 1) % PIXELS_PER_TURN === 0) await nextTurn();
  }
}

interface Front {
  /**
   * Every pixel enters once: first the visible ones, then each hidden one when colour has reached
   * it.
   */
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

/** Side of a tile in pixels of the small picture. */
const TILE = 32;
/** The cubic kernel looks two pixels to either side. */
export const ALPHA_MARGIN = 2;
/** Tiles between two turns of the event loop: a few milliseconds. */
const TILES_PER_TURN = 2;

/** The rows that are wanted of a picture that is a part of a larger one. */
interface WantedRows {
  readonly top: number;
  readonly rows: number;
}

interface Plane {
  readonly width: number;
  readonly height: number;
  readonly channels: 1;
  readonly data: Samples;
}

function cutAlpha(picture: Raster, left: number, top: number, right: number, bottom: number): Plane {
  const { channels, data } = picture;
  const [width, height] = [right - left, bottom - top];
  const plane = data.BYTES_PER_ELEMENT === 2 ? new Uint16Array(width * height) : new Uint8Array(width * height);
  let to = 0;
  for (let y = top; y < bottom; y++) {
    let from = (y * picture.width + left) * channels + channels - 1;
    for (const end = to + width; to < end; from += channels) plane[to++] = data[from];
  }
  return { width, height, channels: 1, data: plane };
}

/**
 * Enlarges the alpha channel (the last of 2 or 4) of the wanted rows into that of `output`: exactly
 * `imresize` with its bicubic kernel, so that edges lie where the pixels' do (libvips' cubic is
 * half an output pixel off). Overshoot at hard edges is clamped. Above and below the wanted rows
 * `picture` has at least `ALPHA_MARGIN` more, or ends. Done tile by tile: the event loop turns in
 * between, and where alpha is flat, which is most of it, nothing is computed. Without alpha there
 * is nothing to do.
 *
 * @param output `scale` (1, 2, 3 ...) times the wanted rows, with the channels and the depth of
 *   `picture`.
 */
export async function resizeAlpha(picture: Raster, wanted: WantedRows, scale: number, output: Raster): Promise<void> {
  if (!hasAlpha(picture.channels as ChannelCount)) return;
  let computed = 0;
  for (let y = wanted.top; y < wanted.top + wanted.rows; y += TILE) {
    const height = Math.min(TILE, wanted.top + wanted.rows - y);
    for (let x = 0; x < picture.width; x += TILE) {
      const width = Math.min(TILE, picture.width - x);
      const area = { x, y, width, height };
      if (enlargeTile(picture, area, scale, output, wanted.top) && ++computed % TILES_PER_TURN === 0) await nextTurn();
    }
  }
}

interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** False where the tile is flat and nothing had to be computed. */
function enlargeTile(picture: Raster, area: Area, scale: number, output: Raster, firstRow: number): boolean {
  const left = Math.max(0, area.x - ALPHA_MARGIN);
  const top = Math.max(0, area.y - ALPHA_MARGIN);
  const right = Math.min(picture.width, area.x + area.width + ALPHA_MARGIN);
  const bottom = Math.min(picture.height, area.y + area.height + ALPHA_MARGIN);
  const source = cutAlpha(picture, left, top, right, bottom);
  const first = source.data[0];
  const isFlat = source.data.every((value: number) => value === first);
  const enlarged = isFlat ? undefined : imresize(source, { scale });
  const { channels, data } = output;
  for (let row = 0; row < area.height * scale; row++) {
    let to = (((area.y - firstRow) * scale + row) * output.width + area.x * scale) * channels + channels - 1;
    let from = ((area.y - top) * scale + row) * source.width * scale + (area.x - left) * scale;
    for (const end = from + area.width * scale; from < end; from++, to += channels) {
      data[to] = enlarged ? enlarged.data[from] : first;
    }
  }
  return !isFlat;
}
