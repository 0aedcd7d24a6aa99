/** How a run degrades its pictures at random: a network for unknown degradations sees another one in every patch. */

import { type KernelTerm, splitKernel } from '../../../core/degradation/blur.ts';
import { disturbKernel, gaussianKernel } from '../../../core/degradation/kernel.ts';
import { encodeDegradation } from '../../../core/degradation/vector.ts';
import { badOption } from '../../../core/errors.ts';

type Range = readonly [low: number, high: number];

export interface DegradationRecipe {
  /** Standard deviation of isotropic blur in HR pixels, uniform. (IKC and DASR: 0.2 to 4 at x4.) */
  readonly sigma: Range;
  /** Of both axes of anisotropic blur, each on its own; the angle is uniform. (DCLS: 0.6 to 5 at x4.) */
  readonly anisotropicSigma: Range;
  /** Share of the patches with anisotropic blur, and of those without any; the others' is isotropic. */
  readonly anisotropicShare: number;
  readonly clearShare: number;
  /** Anisotropic kernels are disturbed by up to this factor (DCLS: 0.25). */
  readonly disturbance: number;
  /** Standard deviation of Gaussian noise, 0..255, uniform; and the share of the patches that have any. */
  readonly noiseSigma: Range;
  readonly noiseShare: number;
  /** JPEG quality, uniform; and the share of the patches that are compressed. */
  readonly jpegQuality: Range;
  readonly jpegShare: number;
  /** Share of the patches whose degradation vector the networks are given; for the others they use their estimate. */
  readonly givenShare: number;
}

/** Throws DS_BAD_OPTION, naming the field. */
export function checkDegradation(recipe: DegradationRecipe): void {
  const { anisotropicShare, clearShare, noiseShare, jpegShare, givenShare, disturbance } = recipe;
  const shares = { anisotropicShare, clearShare, noiseShare, jpegShare, givenShare, disturbance };
  for (const [name, share] of Object.entries(shares)) {
    if (!(share >= 0 && share <= 1)) throw badOption(`degradation.${name}`, 'a number from 0 to 1', share);
  }
  if (anisotropicShare + clearShare > 1) {
    throw badOption('degradation.clearShare', `at most ${1 - anisotropicShare}`, clearShare);
  }
  const ranges = { sigma: 20, anisotropicSigma: 20, noiseSigma: 100, jpegQuality: 100 } as const;
  for (const [name, most] of Object.entries(ranges)) {
    const [low, high] = recipe[name as keyof typeof ranges];
    const least = name === 'jpegQuality' ? 1 : 0;
    if (!(low >= least && low <= high && high <= most)) {
      throw badOption(`degradation.${name}`, `two ascending numbers from ${least} to ${most}`, `${low}, ${high}`);
    }
  }
}

/** Sides of the kernels: those of IKC and DASR, and of DCLS, at x4; they scale with the widths. */
const ISOTROPIC_SIGMAS = 2.7;
const ANISOTROPIC_SIGMAS = 3.1;
/** What may be lost of an anisotropic kernel: less than the disturbance adds to it, 0.06 of its norm. Very narrow ones lose more. */
const TERM_TOLERANCE = 0.04;
const MAX_TERMS = 6;

function kernelSize(sigma: number, sigmas: number): number {
  return 2 * Math.max(1, Math.ceil(sigma * sigmas)) + 1;
}

export interface DrawnDegradation {
  /** Empty terms: no blur. All of the same length. */
  readonly terms: readonly KernelTerm[];
  readonly kernelSize: number;
  readonly noiseSigma: number;
  /** Absent: not compressed. */
  readonly jpegQuality?: number;
  /** See `encodeDegradation`. */
  readonly code: Float32Array;
  readonly isCodeGiven: boolean;
}

const POINT: KernelTerm = { column: Float64Array.of(1), row: Float64Array.of(1) };

/** One row of an isotropic Gaussian, whose column is the same. */
function isotropicTerm(sigma: number, size: number): KernelTerm {
  const radius = (size - 1) / 2;
  const line = Float64Array.from({ length: size }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / Math.max(sigma, 0.05)) ** 2),
  );
  const sum = line.reduce((total, value) => total + value, 0);
  const normal = line.map((value) => value / sum);
  return { column: normal, row: normal };
}

function drawBlur(recipe: DegradationRecipe, between: (range: Range) => number, random: () => number) {
  const kind = random();
  if (kind < recipe.clearShare) return { terms: [POINT], kernelSize: 1 };
  if (kind >= recipe.clearShare + recipe.anisotropicShare) {
    const sigma = between(recipe.sigma);
    const size = kernelSize(sigma, ISOTROPIC_SIGMAS);
    return { terms: [isotropicTerm(sigma, size)], kernelSize: size, shape: { sigmaX: sigma, size } };
  }
  const [sigmaX, sigmaY, angle] = [
    between(recipe.anisotropicSigma),
    between(recipe.anisotropicSigma),
    Math.PI * random(),
  ];
  const shape = { sigmaX, sigmaY, angle, size: kernelSize(Math.max(sigmaX, sigmaY), ANISOTROPIC_SIGMAS) };
  const kernel = disturbKernel(gaussianKernel(shape), recipe.disturbance, random);
  return { terms: splitKernel(kernel, TERM_TOLERANCE, MAX_TERMS).terms, kernelSize: shape.size, shape };
}

/** @param random uniform in [0, 1): the same numbers give the same degradation. */
export function drawDegradation(recipe: DegradationRecipe, scale: number, random: () => number): DrawnDegradation {
  const between = ([low, high]: Range): number => low + (high - low) * random();
  const { shape, ...blur } = drawBlur(recipe, between, random);
  const noiseSigma = random() < recipe.noiseShare ? between(recipe.noiseSigma) : 0;
  const jpeg = random() < recipe.jpegShare ? { jpegQuality: Math.round(between(recipe.jpegQuality)) } : {};
  const code = encodeDegradation({ blur: shape, noise: { sigma: noiseSigma }, ...jpeg }, scale);
  return { ...blur, noiseSigma, ...jpeg, code, isCodeGiven: random() < recipe.givenShare };
}
