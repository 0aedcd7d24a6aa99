/**
 * Making a picture smaller, in floating point. In all of them LR pixel `i` lies on the middle of
 * the HR pixels it stands for, at `scale * i + (scale - 1) / 2`: neither moves the picture.
 */
import { badOption } from '../errors.ts';
import { type Contributions, contributions } from '../pixels/contributions.ts';
import { blur, type FloatImage } from './blur.ts';
import { type BlurKernel, centreKernel } from './kernel.ts';

function checkScale({ width, height }: FloatImage, scale: number): void {
  if (!Number.isInteger(scale) || scale < 1 || width % scale !== 0 || height % scale !== 0) {
    throw badOption('scale', `an integer that divides ${width}x${height}`, scale);
  }
}

/**
 * MATLAB's bicubic with antialiasing (`imresize`), without its rounding between the passes. Sides
 * must be multiples of `scale`.
 */
export function bicubicSubsample(image: FloatImage, scale: number): FloatImage {
  checkScale(image, scale);
  if (scale === 1) return image;
  return resizeFloat(image, image.width / scale, image.height / scale);
}

/** Bicubic to any size, antialiased when shrinking. */
export function resizeFloat(image: FloatImage, width: number, height: number): FloatImage {
  const down = contributions(image.height, height, height / image.height, 'bicubic', true);
  const across = contributions(image.width, width, width / image.width, 'bicubic', true);
  return resampleWidth(resampleHeight(image, down), across);
}

function resampleHeight({ width, channels, data }: FloatImage, taps: Contributions): FloatImage {
  const { tapCount, weights, indices } = taps;
  const rowLength = width * channels;
  const height = weights.length / tapCount;
  const target = new Float32Array(rowLength * height);
  for (let tap = 0; tap < weights.length; tap++) {
    const weight = weights[tap];
    if (weight === 0) continue;
    const [to, from] = [Math.floor(tap / tapCount) * rowLength, indices[tap] * rowLength];
    for (let i = 0; i < rowLength; i++) target[to + i] += weight * data[from + i];
  }
  return { width, height, channels, data: target };
}

function resampleWidth({ width: from, height, channels, data }: FloatImage, taps: Contributions): FloatImage {
  const { tapCount, weights, indices } = taps;
  const width = weights.length / tapCount;
  const target = new Float32Array(width * height * channels);
  for (let i = 0; i < target.length; i++) {
    const [pixel, channel] = [Math.floor(i / channels), i % channels];
    const [x, row] = [pixel % width, Math.floor(pixel / width) * from];
    let sum = 0;
    for (let tap = x * tapCount; tap < (x + 1) * tapCount; tap++) {
      sum += weights[tap] * data[(row + indices[tap]) * channels + channel];
    }
    target[i] = sum;
  }
  return { width, height, channels, data: target };
}

/**
 * Blurs, then keeps every `scale`-th pixel. Plain `[::scale]` keeps pixel 0 of each cell, which
 * moves the picture by `(scale - 1) / 2` pixels to the right and down; here pixel `floor((scale -
 * 1) / 2)` is kept, and with an even scale the kernel is moved by the half pixel that remains.
 */
export function blurAndPick(image: FloatImage, kernel: BlurKernel, scale: number): FloatImage {
  checkScale(image, scale);
  const first = Math.floor((scale - 1) / 2);
  // The sample at `first` must see what lies half a pixel further right, so the light moves left.
  const blurred = blur(image, centreKernel(kernel, first - (scale - 1) / 2));
  const { channels } = image;
  const [width, height] = [image.width / scale, image.height / scale];
  const data = new Float32Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = ((y * scale + first) * image.width + x * scale + first) * channels;
      data.set(blurred.data.subarray(from, from + channels), (y * width + x) * channels);
    }
  }
  return { width, height, channels, data };
}
