/**
 * Blur and bicubic reduction of a training patch in one go: both are linear, so each pair of a
 * column and a row of the kernel becomes one pair of longer ones that also reduce. A tenth of the
 * work of doing one after the other.
 */
import { contributions } from '../pixels/contributions.ts';
import type { FloatImage, KernelTerm } from './blur.ts';

/** HR pixels that a reduced patch reads beyond its own on every side. */
export function patchMargin(kernelSize: number, scale: number): number {
  return 2 * scale + (kernelSize - 1) / 2;
}

/**
 * The bicubic weights of one LR pixel over `4 * scale` HR pixels, the pixel's own cell in the
 * middle.
 */
function reducingTaps(scale: number): Float64Array {
  // Any pixel far from the borders.
  const [size, middle] = [16, 8];
  const { tapCount, weights, indices } = contributions(size * scale, size, 1 / scale, 'bicubic', true);
  const taps = new Float64Array(4 * scale);
  const first = middle * scale + scale / 2 - 2 * scale;
  for (let tap = middle * tapCount; tap < (middle + 1) * tapCount; tap++) {
    // With an odd scale the middle of the cell is a pixel and the outermost weights are 0.
    const place = indices[tap] - Math.ceil(first);
    if (weights[tap] !== 0) taps[place] += weights[tap];
  }
  return taps;
}

/**
 * Weights over the HR pixels from `scale * i - patchMargin` on: first blurred with `line`, then
 * reduced.
 */
function joinTaps(line: Float64Array, scale: number): Float64Array {
  const reducing = reducingTaps(scale);
  const radius = (line.length - 1) / 2;
  // From the margin's first pixel to the first one that bicubic reads.
  const lead = patchMargin(line.length, scale) + Math.ceil(scale / 2 - 2 * scale) - radius;
  const taps = new Float64Array(lead + reducing.length + line.length - 1);
  for (let i = 0; i < reducing.length; i++) {
    // Convolution: the kernel is turned round.
    for (let k = 0; k < line.length; k++) taps[lead + i + line.length - 1 - k] += reducing[i] * line[k];
  }
  return taps;
}

/**
 * @param hrPatch the patch with `patchMargin` more pixels on every side, square.
 * @param terms of the kernel (`splitKernel`).
 * @param borrow memory for `length` numbers that is free again when this returns. @default new
 *   memory
 * @returns [size, size] pixels, not rounded: what blur and `bicubicSubsample` of the whole picture
 *   give there.
 */
export function reducePatch(
  hrPatch: FloatImage,
  terms: readonly KernelTerm[],
  { scale, size }: { readonly scale: number; readonly size: number },
  borrow = (length: number): Float64Array => new Float64Array(length),
): FloatImage {
  const { width, channels } = hrPatch;
  const rowLength = width * channels;
  const target = new Float32Array(size * size * channels);
  const middle = borrow(size * rowLength);
  for (const { column, row } of terms) {
    middle.fill(0);
    addRows(hrPatch.data, joinTaps(column, scale), { scale, rowLength }, middle);
    addColumns(middle, joinTaps(row, scale), { scale, size, channels, rowLength }, target);
  }
  return { width: size, height: size, channels, data: target };
}

/** Four rows at a time: most of the time goes into reading and writing `target`. */
function addRows(
  data: Float32Array,
  taps: Float64Array,
  { scale, rowLength }: { readonly scale: number; readonly rowLength: number },
  target: Float64Array,
): void {
  const padded = new Float64Array(Math.ceil(taps.length / 4) * 4);
  padded.set(taps);
  const lastRow = data.length / rowLength - 1;
  for (let to = 0; to < target.length; to += rowLength) {
    const first = (to / rowLength) * scale;
    for (let tap = 0; tap < padded.length; tap += 4) {
      const [w0, w1, w2, w3] = [padded[tap], padded[tap + 1], padded[tap + 2], padded[tap + 3]];
      const row = first + tap;
      // Beyond the last row the weights are 0.
      const r0 = Math.min(row, lastRow) * rowLength;
      const r1 = Math.min(row + 1, lastRow) * rowLength;
      const r2 = Math.min(row + 2, lastRow) * rowLength;
      const r3 = Math.min(row + 3, lastRow) * rowLength;
      for (let i = 0; i < rowLength; i++) {
        target[to + i] += w0 * data[r0 + i] + w1 * data[r1 + i] + w2 * data[r2 + i] + w3 * data[r3 + i];
      }
    }
  }
}

function addColumns(
  data: Float64Array,
  taps: Float64Array,
  { scale, size, channels, rowLength }: { scale: number; size: number; channels: number; rowLength: number },
  target: Float32Array,
): void {
  let to = 0;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        let from = row * rowLength + column * scale * channels + channel;
        for (let tap = 0; tap < taps.length; tap++, from += channels) sum += taps[tap] * data[from];
        target[to++] += sum;
      }
    }
  }
}
