/** Torch's bicubic enlargement (`Upsample(mode='bicubic', align_corners=False)`), the first step of DRN. Not MATLAB's: other cubic, no antialiasing. */
import { type Tensor4D, tf } from '../tf.ts';
import { pixelShuffle } from './layers.ts';

/** Keys' cubic with torch's coefficient (MATLAB and Pillow use -0.5). */
const CUBIC_A = -0.75;
/** For every output phase the four taps lie within two LR pixels of the pixel that contains it. */
const REACH = 2;
const TAPS = 2 * REACH + 1;

function cubic(distance: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return (CUBIC_A + 2) * d ** 3 - (CUBIC_A + 3) * d ** 2 + 1;
  if (d < 2) return CUBIC_A * (d ** 3 - 5 * d ** 2 + 8 * d - 4);
  return 0;
}

/**
 * Weights of the LR pixels i-2..i+2 for the output pixels scale*i + phase, phase-major: `scale` rows of five.
 * The rows do not depend on i because scale is an integer, so the whole enlargement is one convolution.
 */
export function bicubicPhases(scale: number): number[][] {
  return Array.from({ length: scale }, (_, phase) => {
    const offset = (phase + 0.5) / scale - 0.5;
    return Array.from({ length: TAPS }, (_, tap) => cubic(offset - (tap - REACH)));
  });
}

/** HWIO [5, 5, channels, scale*scale*channels], output channels in the order `pixelShuffle` reads: row phase, column phase, channel. */
function phaseFilter(scale: number, channels: number): Float32Array {
  const phases = bicubicPhases(scale);
  const outChannels = scale * scale * channels;
  const filter = new Float32Array(TAPS * TAPS * channels * outChannels);
  for (let row = 0; row < TAPS; row++) {
    for (let column = 0; column < TAPS; column++) {
      for (let channel = 0; channel < channels; channel++) {
        const base = ((row * TAPS + column) * channels + channel) * outChannels;
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
 * [N, H, W, C] to [N, scale*H, scale*W, C]; values may leave the input's range (no clamp). Half-pixel centres, replicated borders.
 * Every attribute of the traced graph is a constant, whatever H and W are.
 */
export function bicubicUpsample(image: Tensor4D, scale: number): Tensor4D {
  const channels = image.shape[3];
  const filter = tf.tensor4d(phaseFilter(scale, channels), [TAPS, TAPS, channels, scale * scale * channels]);
  // Symmetric by one pixel is replication; twice replicates two, which one symmetric pad of two would not.
  const pad: [number, number][] = [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ];
  const padded = tf.mirrorPad(tf.mirrorPad(image, pad, 'symmetric'), pad, 'symmetric');
  return pixelShuffle(tf.conv2d(padded, filter, 1, 'valid'), scale);
}
