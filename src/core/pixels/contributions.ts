/**
 * Which input samples make up one output sample when a line is resampled, and with what weight.
 * Follows MATLAB's `imresize`.
 */

export type ResizeKernel = 'bicubic' | 'lanczos3';

export interface Contributions {
  /** Input samples per output sample; some of their weights may be zero. */
  readonly tapCount: number;
  /** `weights[output * tapCount + tap]`, each output's weights sum to 1. */
  readonly weights: Float64Array;
  /** `indices[output * tapCount + tap]`: input position, already mirrored into the line. */
  readonly indices: Int32Array;
}

interface KernelSpec {
  readonly width: number;
  readonly evaluate: (distance: number) => number;
}

const KERNELS: Readonly<Record<ResizeKernel, KernelSpec>> = {
  bicubic: { width: 4, evaluate: cubic },
  lanczos3: { width: 6, evaluate: lanczos3 },
};

/** Keys' cubic convolution with a = -0.5 (torch and OpenCV use -0.75 and are not comparable). */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return 1.5 * x * x * x - 2.5 * x * x + 1;
  if (x <= 2) return -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2;
  return 0;
}

function lanczos3(distance: number): number {
  const x = Math.abs(distance);
  if (x >= 3) return 0;
  const epsilon = Number.EPSILON;
  return (Math.sin(Math.PI * x) * Math.sin((Math.PI * x) / 3) + epsilon) / ((Math.PI * Math.PI * x * x) / 3 + epsilon);
}

/**
 * Mirrors a position into 0..size-1; the edge sample is repeated: -1 -> 0, -2 -> 1, size -> size -
 * 1.
 */
function mirror(position: number, size: number): number {
  const period = 2 * size;
  const wrapped = ((position % period) + period) % period;
  return wrapped < size ? wrapped : period - 1 - wrapped;
}

/**
 * @param scale output samples per input sample; it fixes the sampling grid, so it is not always
 *   `outputSize / inputSize` (MATLAB rounds the output size up and keeps the scale).
 * @param antialias widens the kernel by `1 / scale` when `scale < 1`.
 */
export function contributions(
  inputSize: number,
  outputSize: number,
  scale: number,
  kernel: ResizeKernel,
  antialias: boolean,
): Contributions {
  const { width: baseWidth, evaluate } = KERNELS[kernel];
  const shrink = antialias && scale < 1 ? scale : 1;
  const kernelWidth = baseWidth / shrink;
  const tapCount = Math.ceil(kernelWidth) + 2;
  const weights = new Float64Array(outputSize * tapCount);
  const indices = new Int32Array(outputSize * tapCount);
  for (let output = 0; output < outputSize; output++) {
    // MATLAB counts from 1: its grid is kept so that rounding of `left` falls the same way.
    const centre = (output + 1) / scale + 0.5 * (1 - 1 / scale);
    const left = Math.floor(centre - kernelWidth / 2);
    const base = output * tapCount;
    let sum = 0;
    for (let tap = 0; tap < tapCount; tap++) {
      const weight = evaluate((centre - left - tap) * shrink);
      weights[base + tap] = weight;
      indices[base + tap] = mirror(left + tap - 1, inputSize);
      sum += weight;
    }
    for (let tap = 0; tap < tapCount; tap++) weights[base + tap] /= sum;
  }
  return { tapCount, weights, indices };
}
