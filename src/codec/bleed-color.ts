/** Gives invisible pixels the colour of their visible neighbours. */
import type { PixelImage } from '../pixels/image.ts';

/**
 * Under fully transparent pixels most files hold black: a network mixes it into the visible edge and leaves a dark
 * fringe. Every pixel with alpha 0 takes the colour of the nearest pixel with alpha above 0 (found by two sweeps, so
 * in rare corners the second nearest). `rgb` is returned as it is where nothing or everything is transparent.
 */
export function bleedColor(rgb: PixelImage, alpha: PixelImage): PixelImage {
  if (!alpha.data.includes(0) || alpha.data.every((value) => value === 0)) return rgb;
  const { width, height } = rgb;
  const nearest = nearestVisible(alpha);
  const data = rgb.data.slice();
  for (let i = 0; i < width * height; i++) {
    if (alpha.data[i] !== 0) continue;
    for (let channel = 0; channel < 3; channel++) data[i * 3 + channel] = rgb.data[nearest[i] * 3 + channel];
  }
  return { width, height, channels: 3, data };
}

/** For every pixel the index of a visible one, its own where it is visible. */
function nearestVisible({ width, height, data }: PixelImage): Int32Array {
  const nearest = Int32Array.from(data, (value, i) => (value === 0 ? -1 : i));
  const distance = (from: number, to: number): number =>
    ((from % width) - (to % width)) ** 2 + (Math.floor(from / width) - Math.floor(to / width)) ** 2;
  const offer = (pixel: number, neighbour: number): void => {
    const candidate = nearest[neighbour];
    if (candidate < 0 || nearest[pixel] === pixel) return;
    if (nearest[pixel] < 0 || distance(pixel, candidate) < distance(pixel, nearest[pixel])) nearest[pixel] = candidate;
  };
  const visit = (x: number, y: number, aside: -1 | 1): void => {
    const pixel = y * width + x;
    const hasRow = aside < 0 ? y > 0 : y < height - 1;
    const row = pixel + aside * width;
    if (hasRow) offer(pixel, row);
    if (hasRow && x > 0) offer(pixel, row - 1);
    if (hasRow && x < width - 1) offer(pixel, row + 1);
  };
  for (let step = 0; step < height; step++) {
    sweepRow(step, -1);
  }
  for (let step = height - 1; step >= 0; step--) {
    sweepRow(step, 1);
  }
  return nearest;

  function sweepRow(y: number, aside: -1 | 1): void {
    for (let x = 0; x < width; x++) {
      visit(x, y, aside);
      if (x > 0) offer(y * width + x, y * width + x - 1);
    }
    for (let x = width - 2; x >= 0; x--) offer(y * width + x, y * width + x + 1);
  }
}
