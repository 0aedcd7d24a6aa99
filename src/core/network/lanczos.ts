/** Lanczos-3 enlargement as a network without parameters, so that workers can tile it like any other. */
import type { Tensor4D } from '../tf.ts';
import { enlargeByPhases } from './bicubic-upsample.ts';
import type { Network } from './network.ts';
import type { ConvLayer, LanczosSpec, ParameterSpec } from './spec.ts';

/** For every output phase the six taps lie within three LR pixels of the pixel that contains it. */
const REACH = 3;

function lanczos3(distance: number): number {
  if (distance === 0) return 1;
  if (Math.abs(distance) >= REACH) return 0;
  const x = Math.PI * distance;
  return (REACH * Math.sin(x) * Math.sin(x / REACH)) / (x * x);
}

/** Half-pixel centres; the weights of each phase sum to 1. */
function lanczosPhases(scale: number): number[][] {
  return Array.from({ length: scale }, (_, phase) => {
    const offset = (phase + 0.5) / scale - 0.5;
    const weights = Array.from({ length: 2 * REACH + 1 }, (_, tap) => lanczos3(offset - (tap - REACH)));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return weights.map((weight) => weight / sum);
  });
}

/** `forward` takes [N, H, W, 3] and returns one image [N, scale*H, scale*W, 3], not clamped; borders are replicated. */
export function createLanczos(spec: LanczosSpec): Network<LanczosSpec> {
  const layers: ConvLayer[] = [];
  const parameters: ParameterSpec[] = [];
  const phases = lanczosPhases(spec.scale);
  const forward = (_: unknown, image: Tensor4D) => [enlargeByPhases(image, phases, REACH)];
  return { spec, layers, parameters, halo: REACH, forward };
}
