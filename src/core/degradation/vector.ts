/**
 * A degradation in five numbers: the input of a conditioned network and the result of its
 * estimator.
 *
 * Lengths are in LR pixels, so that one vector means the same at every scale. All entries are 0 for
 * a clean bicubic reduction, continuous there, and about 1 at the strongest degradation that
 * networks are trained on:
 *
 * | entry | what |
 * |---|---|
 * | 0 | width w = sqrt((sx^2 + sy^2) / 2), sx and sy the blur's standard deviations |
 * | 1, 2 | w a cos 2t and w a sin 2t, a = (sx^2 - sy^2) / (sx^2 + sy^2) and t the angle of sx's axis |
 * | 3 | noise: standard deviation / 25 on the scale 0..255 |
 * | 4 | JPEG: half of libjpeg's factor on its tables (0 at quality 100, 0.5 at 50, 0.83 at 30) |
 */
import type { Degradation } from './degrade.ts';
import { quantScale } from './jpeg.ts';
import { type BlurKernel, type GaussianShape, gaussianKernel, kernelMoments } from './kernel.ts';

export const VECTOR_WIDTH = 5;

const NOISE_UNIT = 25;
const JPEG_UNIT = 2;

export interface DegradationEstimate {
  /** Of the blur, in HR pixels; the larger one first. */
  readonly sigmaX: number;
  readonly sigmaY: number;
  /** Of sigmaX's axis, radians, -pi/2 to pi/2, counter-clockwise. */
  readonly angle: number;
  /** Standard deviation, 0..255. */
  readonly noiseSigma: number;
  /** 1 to 100; 100 where no compression shows. */
  readonly jpegQuality: number;
}

/** Covariance in pixels squared to the three numbers of the blur. */
function blurVector(varianceX: number, varianceY: number, covariance: number, scale: number): [number, number, number] {
  const mean = Math.max(0, (varianceX + varianceY) / 2);
  const width = Math.sqrt(mean);
  if (width < 1e-6) return [0, 0, 0];
  // y runs downwards, the angle counter-clockwise: hence the sign.
  const [even, odd] = [(varianceX - varianceY) / 2 / mean, -covariance / mean];
  return [width / scale, (width / scale) * even, (width / scale) * odd];
}

function shapeVector({ sigmaX, sigmaY = sigmaX, angle = 0 }: GaussianShape, scale: number): [number, number, number] {
  const [along, across] = [sigmaX ** 2, sigmaY ** 2];
  const [mean, half] = [(along + across) / 2, (along - across) / 2];
  return blurVector(
    mean + half * Math.cos(2 * angle),
    mean - half * Math.cos(2 * angle),
    -half * Math.sin(2 * angle),
    scale,
  );
}

function kernelVector(kernel: BlurKernel, scale: number): [number, number, number] {
  const { varianceX, varianceY, covariance } = kernelMoments(kernel);
  return blurVector(varianceX, varianceY, covariance, scale);
}

/**
 * Of a Gaussian what it is called; of any other kernel its second moments. Shot noise counts as at
 * middle gray.
 */
export function encodeDegradation(
  { blur, noise, shotNoise, jpegQuality }: Pick<Degradation, 'blur' | 'noise' | 'shotNoise' | 'jpegQuality'>,
  scale: number,
): Float32Array {
  const vector = new Float32Array(VECTOR_WIDTH);
  if (blur) {
    const isPlain = !('data' in blur) && (blur.beta ?? 1) === 1 && !blur.isPlateau;
    vector.set(isPlain ? shapeVector(blur, scale) : kernelVector('data' in blur ? blur : gaussianKernel(blur), scale));
  }
  const shot = shotNoise ? Math.sqrt((255 * 127.5) / shotNoise.photons) : 0;
  vector[3] = Math.hypot(noise?.sigma ?? 0, shot) / NOISE_UNIT;
  vector[4] = jpegQuality === undefined ? 0 : quantScale(jpegQuality) / JPEG_UNIT;
  return vector;
}

/** What a vector says. Entries beyond what is possible (an estimate may be) are brought back. */
export function decodeDegradation(vector: ArrayLike<number>, scale: number): DegradationEstimate {
  const width = Math.max(0, vector[0]) * scale;
  const anisotropy = width > 0 ? Math.min(1, (Math.hypot(vector[1], vector[2]) * scale) / width) : 0;
  const factor = Math.max(0, vector[4]) * JPEG_UNIT;
  const quality = factor > 1 ? 50 / factor : 100 - 50 * factor;
  return {
    sigmaX: width * Math.sqrt(1 + anisotropy),
    sigmaY: width * Math.sqrt(1 - anisotropy),
    angle: anisotropy > 0 ? Math.atan2(vector[2], vector[1]) / 2 : 0,
    noiseSigma: Math.max(0, vector[3]) * NOISE_UNIT,
    jpegQuality: Math.min(100, Math.max(1, Math.round(quality))),
  };
}

/** A usual photograph's own softness in LR pixels, per scale. */
const OWN_SOFTNESS = 0.05;

/**
 * An estimate without what the photograph itself adds to the blur: nobody's lens is perfect, and an
 * estimator that learnt from detailed patches takes a photograph's own softness for blur. Two blurs
 * add up by their variances, so that one is taken off: 0.05 LR pixels times the scale, by which
 * held-out photographs come out best (dev/LOG.md). A width below it is none.
 */
export function withoutOwnSoftness(vector: Float32Array, scale: number): Float32Array {
  const corrected = vector.slice();
  const width = Math.max(0, vector[0]);
  const left = Math.sqrt(Math.max(0, width ** 2 - (OWN_SOFTNESS * scale) ** 2));
  const factor = width > 0 ? left / width : 0;
  corrected.set([left, vector[1] * factor, vector[2] * factor]);
  return corrected;
}
