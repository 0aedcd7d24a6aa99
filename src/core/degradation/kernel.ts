/**
 * Blur kernels (point spread functions) of square, odd size, their values summing to 1.
 *
 * Widths are standard deviations in HR pixels, never variances, and they are called sigma. (DASR's
 * "lambda" is a standard deviation too, KernelGAN's generator draws variances.) The angle is that
 * of `sigmaX`'s axis, counter-clockwise from the x axis as one sees it, in radians; y runs
 * downwards in the data.
 */
import { badOption } from '../errors.ts';

export interface BlurKernel {
  /** Odd. */
  readonly size: number;
  /**
   * `data[row * size + column]`. A picture is convolved with it: the value right of the centre
   * spreads light to the right.
   */
  readonly data: Float64Array;
}

export interface GaussianShape {
  /** Standard deviation along the axis at `angle`, in HR pixels; 0 to 50. */
  readonly sigmaX: number;
  /** Across that axis. @default sigmaX */
  readonly sigmaY?: number;
  /** Radians. @default 0 */
  readonly angle?: number;
}

export interface GaussianOptions extends GaussianShape {
  /** Side in pixels, odd. 21 in IKC and DASR, 31 in DCLS at x4. */
  readonly size: number;
  /**
   * `exp(-0.5 r^(2 beta))` (Liu et al. 2020, as in Real-ESRGAN): below 1 with a sharp tip and long
   * tails, above 1 boxy.
   * @default 1
   */
  readonly beta?: number;
  /** `1 / (1 + r^(2 beta))` instead: flat in the middle. @default false */
  readonly isPlateau?: boolean;
  /** Where the middle lies, in pixels right of and below the central sample. @default 0 */
  readonly shift?: number;
}

const MAX_SIZE = 255;
/** Below this a sampled Gaussian is one sample; between two samples it would be none. */
const POINT_SIGMA = 0.05;
const SHIFTED_POINT_SIGMA = 0.3;

function checkKernelSize(size: number): number {
  if (!Number.isInteger(size) || size % 2 !== 1 || size < 1 || size > MAX_SIZE) {
    throw badOption('size', `an odd integer from 1 to ${MAX_SIZE}`, size);
  }
  return size;
}

/** Scaled so that the values sum to 1. Throws DS_BAD_OPTION when they cannot be. */
export function normaliseKernel({ size, data }: BlurKernel): BlurKernel {
  const sum = data.reduce((total, value) => total + value, 0);
  if (!(Number.isFinite(sum) && sum > 1e-12)) throw badOption('kernel', 'values with a sum above 0', sum);
  return { size, data: data.map((value) => value / sum) };
}

function fillKernel(size: number, value: (x: number, y: number) => number): BlurKernel {
  const radius = (checkKernelSize(size) - 1) / 2;
  const data = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) data[row * size + column] = value(column - radius, row - radius);
  }
  return normaliseKernel({ size, data });
}

/**
 * A Gaussian, a generalised Gaussian or a plateau, sampled at the pixels' centres. Throws
 * DS_BAD_OPTION.
 */
export function gaussianKernel(options: GaussianOptions): BlurKernel {
  const { size, sigmaX, sigmaY = sigmaX, angle = 0, beta = 1, isPlateau = false, shift = 0 } = options;
  for (const [name, value] of Object.entries({ sigmaX, sigmaY })) {
    if (!(value >= 0 && value <= 50)) throw badOption(name, 'a number from 0 to 50', value);
  }
  if (!(beta > 0 && beta <= 20)) throw badOption('beta', 'a number above 0, at most 20', beta);
  const least = shift === 0 ? POINT_SIGMA : SHIFTED_POINT_SIGMA;
  const [along, across] = [Math.max(sigmaX, least), Math.max(sigmaY, least)];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return fillKernel(size, (column, row) => {
    const [x, y] = [column - shift, row - shift];
    const squared = ((x * cos - y * sin) / along) ** 2 + ((x * sin + y * cos) / across) ** 2;
    return isPlateau ? 1 / (1 + squared ** beta) : Math.exp(-0.5 * squared ** beta);
  });
}

/** Nothing but the central sample: no blur. */
export function pointKernel(size = 1): BlurKernel {
  return fillKernel(size, (x, y) => (x === 0 && y === 0 ? 1 : 0));
}

export interface MotionOptions {
  readonly size: number;
  /** Length of the path in HR pixels, above 0 and below `size`. */
  readonly length: number;
  /** Direction at the start, in radians. */
  readonly angle: number;
  /**
   * Standard deviation of the change of direction over the whole path, in radians; 0 is a straight
   * line. @default 0
   */
  readonly wander?: number;
  /** Uniform in [0, 1); needed when the path wanders. */
  readonly random?: () => number;
}

/**
 * The path of a shaken camera: points along it, spread bilinearly over the samples, its centre of
 * mass in the middle.
 */
export function motionKernel({ size, length, angle, wander = 0, random = () => 0.5 }: MotionOptions): BlurKernel {
  checkKernelSize(size);
  if (!(length > 0 && length < size)) throw badOption('length', `a number above 0 and below ${size}`, length);
  const count = Math.max(2, Math.ceil(length * 8));
  const points: [number, number][] = [];
  let [x, y, direction] = [0, 0, angle];
  for (let i = 0; i < count; i++) {
    points.push([x, y]);
    // The sum of `count` uniform steps has the standard deviation `wander`.
    direction += wander * Math.sqrt(12 / count) * (random() - 0.5);
    x += (length / count) * Math.cos(direction);
    y -= (length / count) * Math.sin(direction);
  }
  const mean = (axis: 0 | 1) => points.reduce((sum, point) => sum + point[axis], 0) / count;
  const [meanX, meanY] = [mean(0), mean(1)];
  const radius = (size - 1) / 2;
  const data = new Float64Array(size * size);
  for (const [px, py] of points) {
    addBilinear(data, size, px - meanX + radius, py - meanY + radius, 1);
  }
  return normaliseKernel({ size, data });
}

/** Adds `weight` at a place between samples; what falls outside is lost. */
function addBilinear(data: Float64Array, size: number, x: number, y: number, weight: number): void {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  for (const [row, rowWeight] of [
    [top, top + 1 - y],
    [top + 1, y - top],
  ] as const) {
    for (const [column, columnWeight] of [
      [left, left + 1 - x],
      [left + 1, x - left],
    ] as const) {
      if (row < 0 || row >= size || column < 0 || column >= size) continue;
      data[row * size + column] += weight * rowWeight * columnWeight;
    }
  }
}

/**
 * Each value times `1 + U(0, amount)`, then normalised: the disturbance of DCLS (0.25) and of
 * KernelGAN's test set.
 */
export function disturbKernel({ size, data }: BlurKernel, amount: number, random: () => number): BlurKernel {
  return normaliseKernel({ size, data: data.map((value) => value * (1 + amount * random())) });
}

export interface KernelMoments {
  /** Centre of mass, in pixels right of and below the central sample. */
  readonly meanX: number;
  readonly meanY: number;
  /** Variances and covariance in pixels squared; y runs downwards. */
  readonly varianceX: number;
  readonly varianceY: number;
  readonly covariance: number;
}

export function kernelMoments({ size, data }: BlurKernel): KernelMoments {
  const radius = (size - 1) / 2;
  let [sum, sx, sy, sxx, syy, sxy] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [(i % size) - radius, Math.floor(i / size) - radius];
    sum += data[i];
    sx += data[i] * x;
    sy += data[i] * y;
    sxx += data[i] * x * x;
    syy += data[i] * y * y;
    sxy += data[i] * x * y;
  }
  const [meanX, meanY] = [sx / sum, sy / sum];
  return {
    meanX,
    meanY,
    varianceX: sxx / sum - meanX ** 2,
    varianceY: syy / sum - meanY ** 2,
    covariance: sxy / sum - meanX * meanY,
  };
}

/**
 * The kernel moved so that its centre of mass lies `offset` pixels right of and below the central
 * sample, spread bilinearly. A kernel off its centre moves the picture, and a network trained on
 * such pairs learns to move it back.
 */
export function centreKernel(kernel: BlurKernel, offset = 0): BlurKernel {
  const { meanX, meanY } = kernelMoments(kernel);
  const [dx, dy] = [offset - meanX, offset - meanY];
  // A sampled Gaussian is off by less than this; moving it again would only widen it.
  if (Math.hypot(dx, dy) < 1e-3) return kernel;
  // Room for the shift, so that nothing falls over the edge.
  const grow = Math.ceil(Math.max(Math.abs(dx), Math.abs(dy)));
  const size = checkKernelSize(kernel.size + 2 * grow);
  const data = new Float64Array(size * size);
  for (let i = 0; i < kernel.data.length; i++) {
    if (kernel.data[i] === 0) continue;
    const [x, y] = [(i % kernel.size) + grow, Math.floor(i / kernel.size) + grow];
    addBilinear(data, size, x + dx, y + dy, kernel.data[i]);
  }
  return normaliseKernel({ size, data });
}
