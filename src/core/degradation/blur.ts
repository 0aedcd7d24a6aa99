/** Blurring a picture in floating point. */

import type { PixelImage } from '../pixels/image.ts';
import type { BlurKernel } from './kernel.ts';

/**
 * Interleaved samples in 0..255 that are not rounded: what lies between the steps of a degradation.
 */
export interface FloatImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Float32Array;
}

export function toFloat({ width, height, channels, data }: PixelImage): FloatImage {
  return { width, height, channels, data: Float32Array.from(data) };
}

/** Half up, clamped to 0..255. */
export function toPixels({ width, height, channels, data }: FloatImage): PixelImage {
  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) bytes[i] = Math.min(255, Math.max(0, Math.floor(data[i] + 0.5)));
  return { width, height, channels, data: bytes };
}

/**
 * Mirrors a position into 0..size-1 without repeating the edge sample (PyTorch's `reflect`): -1 ->
 * 1, size -> size - 2.
 */
export function reflect(position: number, size: number): number {
  if (size === 1) return 0;
  const period = 2 * size - 2;
  const wrapped = ((position % period) + period) % period;
  return wrapped < size ? wrapped : period - wrapped;
}

export interface KernelTerm {
  readonly column: Float64Array;
  readonly row: Float64Array;
}

export interface SplitKernel {
  readonly terms: readonly KernelTerm[];
  /** Whether what is left out is within the tolerance. */
  readonly isComplete: boolean;
}

function norm(data: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i] * data[i];
  return Math.sqrt(sum);
}

/**
 * A kernel as a sum of products of a column and a row (its largest singular vectors, by power
 * iteration), as many as it takes to leave out at most `tolerance` of its Euclidean norm, and at
 * most `maxTerms`.
 */
export function splitKernel({ size, data }: BlurKernel, tolerance: number, maxTerms: number): SplitKernel {
  const rest = data.slice();
  const most = tolerance * norm(data);
  const terms: KernelTerm[] = [];
  while (norm(rest) > most) {
    if (terms.length === maxTerms) return { terms, isComplete: false };
    const term = largestTerm(rest, size);
    terms.push(term);
    for (let i = 0; i < rest.length; i++) rest[i] -= term.column[Math.floor(i / size)] * term.row[i % size];
  }
  return { terms, isComplete: true };
}

const ITERATIONS = 30;

function largestTerm(matrix: Float64Array, size: number): KernelTerm {
  // Starts from the heaviest row, which is never orthogonal to the largest vector.
  let start = 0;
  let heaviest = -1;
  for (let y = 0; y < size; y++) {
    let sum = 0;
    for (let x = 0; x < size; x++) sum += matrix[y * size + x] ** 2;
    if (sum > heaviest) [start, heaviest] = [y, sum];
  }
  let row = matrix.slice(start * size, (start + 1) * size);
  let column = new Float64Array(size);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const length = norm(row);
    row = row.map((value) => value / length);
    column = new Float64Array(size);
    for (let i = 0; i < matrix.length; i++) column[Math.floor(i / size)] += matrix[i] * row[i % size];
    const next = new Float64Array(size);
    for (let i = 0; i < matrix.length; i++) next[i % size] += matrix[i] * column[Math.floor(i / size)];
    const columnSquared = column.reduce((sum, value) => sum + value * value, 0);
    // column * (next / |column|^2) is the product with the same column that leaves least.
    row = next.map((value) => value / columnSquared);
  }
  return { column, row };
}

/** Convolution along one axis; `step` samples lie between neighbours of that axis. */
function convolveRows(image: FloatImage, taps: Float64Array, target: Float32Array): void {
  const { width, height, channels, data } = image;
  const radius = (taps.length - 1) / 2;
  const places = new Int32Array(width + 2 * radius);
  for (let i = 0; i < places.length; i++) places[i] = reflect(i - radius, width) * channels;
  for (let y = 0; y < height; y++) {
    const base = y * width * channels;
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        // Convolution: the tap right of the centre takes the sample left of it.
        for (let tap = 0; tap < taps.length; tap++) {
          sum += taps[tap] * data[base + places[x + 2 * radius - tap] + channel];
        }
        target[base + x * channels + channel] = sum;
      }
    }
  }
}

function addColumns(image: FloatImage, taps: Float64Array, target: Float32Array): void {
  const { width, height, channels, data } = image;
  const radius = (taps.length - 1) / 2;
  const rowLength = width * channels;
  for (let y = 0; y < height; y++) {
    for (let tap = 0; tap < taps.length; tap++) {
      const from = reflect(y + radius - tap, height) * rowLength;
      const weight = taps[tap];
      if (weight === 0) continue;
      for (let i = 0; i < rowLength; i++) target[y * rowLength + i] += weight * data[from + i];
    }
  }
}

/** Terms are cheaper than the whole kernel while they are fewer than about a third of its side. */
const EXACT = 1e-7;

/**
 * The picture convolved with the kernel, borders mirrored without repeating the edge (as in IKC,
 * DASR and DCLS).
 */
export function blur(image: FloatImage, kernel: BlurKernel): FloatImage {
  if (kernel.data.length === 1) return image;
  const split = splitKernel(kernel, EXACT, Math.ceil(kernel.size / 3));
  const terms = split.isComplete ? split.terms : rowsOf(kernel);
  const data = new Float32Array(image.data.length);
  const between = new Float32Array(image.data.length);
  for (const { column, row } of terms) {
    convolveRows(image, row, between);
    addColumns({ ...image, data: between }, column, data);
  }
  return { ...image, data };
}

/** A kernel that does not split: one term per row. */
function rowsOf({ size, data }: BlurKernel): KernelTerm[] {
  return Array.from({ length: size }, (_, y) => {
    const column = new Float64Array(size);
    column[y] = 1;
    return { column, row: data.slice(y * size, (y + 1) * size) };
  });
}
