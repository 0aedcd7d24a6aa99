/**
 * Enlargement without weights: torch's bicubic, the first step of DRN, and Lanczos-3 in place of a
 * network.
 */

import { type Tensor4D, tf } from '../tf.ts';
import { pixelShuffle } from './layers.ts';
import type { Network } from './network.ts';
import type { ConvLayer, LanczosSpec, ParameterSpec } from './spec.ts';

/** Keys' cubic with torch's coefficient (MATLAB and Pillow use -0.5). */
const CUBIC_A = -0.75;
/** For every output phase the four taps lie within two LR pixels of the pixel that contains it. */
const BICUBIC_REACH = 2;
const TAPS = 2 * BICUBIC_REACH + 1;

function cubic(distance: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return (CUBIC_A + 2) * d ** 3 - (CUBIC_A + 3) * d ** 2 + 1;
  if (d < 2) return CUBIC_A * (d ** 3 - 5 * d ** 2 + 8 * d - 4);
  return 0;
}

/**
 * Weights of the LR pixels i-2..i+2 for the output pixels scale*i + phase, phase-major: `scale`
 * rows of five. The rows do not depend on i because scale is an integer, so the whole enlargement
 * is one convolution.
 */
export function bicubicPhases(scale: number): number[][] {
  return Array.from({ length: scale }, (_, phase) => {
    const offset = (phase + 0.5) / scale - 0.5;
    return Array.from({ length: TAPS }, (_, tap) => cubic(offset - (tap - BICUBIC_REACH)));
  });
}

/**
 * HWIO [taps, taps, channels, scale*scale*channels], output channels in the order `pixelShuffle`
 * reads: row phase, column phase, channel.
 */
function phaseFilter(phases: readonly (readonly number[])[], taps: number, channels: number): Float32Array {
  const scale = phases.length;
  const outChannels = scale * scale * channels;
  const filter = new Float32Array(taps * taps * channels * outChannels);
  for (let row = 0; row < taps; row++) {
    for (let column = 0; column < taps; column++) {
      for (let channel = 0; channel < channels; channel++) {
        const base = ((row * taps + column) * channels + channel) * outChannels;
        for (let phase = 0; phase < scale * scale; phase++) {
          const rowWeight = phases[Math.floor(phase / scale)]?.[row] ?? 0;
          const columnWeight = phases[phase % scale]?.[column] ?? 0;
          filter[base + phase * channels + channel] = rowWeight * columnWeight;
        }
      }
    }
  }
  return filter;
}

/**
 * Separable enlargement, [N, H, W, C] to [N, scale*H, scale*W, C]; replicated borders.
 * Every attribute of the traced graph is a constant, whatever H and W are.
 *
 * @param phases for the output pixels scale*i + phase the weights of the LR pixels
 *   i-reach..i+reach.
 */
function enlargeByPhases(image: Tensor4D, phases: readonly (readonly number[])[], reach: number): Tensor4D {
  const channels = image.shape[3];
  const scale = phases.length;
  const taps = 2 * reach + 1;
  const filter = tf.tensor4d(phaseFilter(phases, taps, channels), [taps, taps, channels, scale * scale * channels]);
  // Symmetric by one pixel is replication; twice replicates two, which one symmetric pad of two
  // would not.
  const pad: [number, number][] = [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ];
  let padded = image;
  for (let i = 0; i < reach; i++) padded = tf.mirrorPad(padded, pad, 'symmetric');
  return pixelShuffle(tf.conv2d(padded, filter, 1, 'valid'), scale);
}

/** Values may leave the input's range (no clamp). Half-pixel centres. */
export function bicubicUpsample(image: Tensor4D, scale: number): Tensor4D {
  return enlargeByPhases(image, bicubicPhases(scale), BICUBIC_REACH);
}

/** For every output phase the six taps lie within three LR pixels of the pixel that contains it. */
const LANCZOS_REACH = 3;

function lanczos3(distance: number): number {
  if (distance === 0) return 1;
  if (Math.abs(distance) >= LANCZOS_REACH) return 0;
  const x = Math.PI * distance;
  return (LANCZOS_REACH * Math.sin(x) * Math.sin(x / LANCZOS_REACH)) / (x * x);
}

/** Half-pixel centres; the weights of each phase sum to 1. */
function lanczosPhases(scale: number): number[][] {
  return Array.from({ length: scale }, (_, phase) => {
    const offset = (phase + 0.5) / scale - 0.5;
    const weights = Array.from({ length: 2 * LANCZOS_REACH + 1 }, (_, tap) => lanczos3(offset - (tap - LANCZOS_REACH)));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return weights.map((weight) => weight / sum);
  });
}

/**
 * `forward` takes [N, H, W, 3] and returns one image [N, scale*H, scale*W, 3], not clamped; borders
 * are replicated.
 */
export function createLanczos(spec: LanczosSpec): Network<LanczosSpec> {
  const layers: ConvLayer[] = [];
  const parameters: ParameterSpec[] = [];
  const phases = lanczosPhases(spec.scale);
  const forward = (_: unknown, image: Tensor4D) => [enlargeByPhases(image, phases, LANCZOS_REACH)];
  return { spec, layers, parameters, halo: LANCZOS_REACH, forward };
}
