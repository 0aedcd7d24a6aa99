/**
 * Convolution, and the two gradients TF.js derives from it, in the forms ONNX Runtime computes
 * fastest.
 */
import { convGeometry } from '../infer.ts';
import type { OnnxAttribute } from '../onnx-model.ts';
import type { EmitRule, Emitter, Held } from './emitter.ts';
import { filterGradient } from './filter-gradient.ts';

/**
 * HWIO -> OIHW. Weights that are constants are converted by ONNX Runtime once, when the session is
 * made.
 */
function oihw(emitter: Emitter, filter: Held): string {
  return emitter.node('Transpose', [emitter.plain(filter).name], { perm: { ints: [3, 2, 0, 1] } });
}

/**
 * Conv of `image` [N, I, H, W] with `weight` [O, I, kh, kw]. For `webgpu`, channels of zeros are
 * added where its kernel is wrong: it reads pixels of 6, 9, 15 ... channels as if they had three
 * (ONNX Runtime 1.30, conv2d_mm.cc, when O divides by 4).
 */
function convolve(
  emitter: Emitter,
  [image, weight, ...bias]: readonly string[],
  [inChannels, outChannels]: readonly [number, number],
  attributes: Record<string, OnnxAttribute>,
): string {
  const misread = inChannels > 3 && inChannels % 3 === 0 && inChannels % 4 !== 0 && outChannels % 4 === 0;
  if (!(misread && emitter.target === 'webgpu')) return emitter.node('Conv', [image, weight, ...bias], attributes);
  const zeros = emitter.int64([0, 0, 0, 0, 0, 4 - (inChannels % 4), 0, 0]);
  const widened = [image, weight].map((name) => emitter.node('Pad', [name, zeros]));
  return emitter.node('Conv', [...widened, ...bias], attributes);
}

const conv2d: EmitRule = (emitter, [x, filter, bias], node, [shape]) => {
  const { strides, pads, kernel } = convGeometry(x.shape, filter.shape, node.attributes);
  const inputs = [emitter.nchw(x).name, oihw(emitter, filter)];
  if (bias) inputs.push(emitter.plain(bias).name);
  const attributes = { kernel_shape: { ints: kernel }, strides: { ints: strides }, pads: { ints: pads } };
  const name = convolve(emitter, inputs, [x.shape[3], shape[3]], attributes);
  return { name, shape, stored: shape, layout: 'nchw', dtype: x.dtype };
};

/**
 * Gradient with respect to the input. For stride 1 it is a convolution of dy with the filter turned
 * by 180 degrees and its channel axes exchanged, which ONNX Runtime runs faster than a transposed
 * convolution.
 */
const inputGradient: EmitRule = (emitter, [dy, filter], node, [shape]) => {
  const { strides, pads, kernel, outShape } = convGeometry(shape, filter.shape, node.attributes);
  const [top, left, bottom, right] = pads;
  const kernel_shape = { ints: kernel };
  const result = (name: string): Held => ({ name, shape, stored: shape, layout: 'nchw', dtype: dy.dtype });
  const gradient = emitter.nchw(dy).name;
  if (strides[0] === 1 && strides[1] === 1) {
    const turned =
      kernel[0] * kernel[1] === 1
        ? emitter.plain(filter).name
        : emitter.node('Slice', [emitter.plain(filter).name, ...reversal(emitter)]);
    const weight = emitter.node('Transpose', [turned], { perm: { ints: [2, 3, 0, 1] } });
    const [kh, kw] = [kernel[0] - 1, kernel[1] - 1];
    const wanted = [kh - top, kw - left, kh - bottom, kw - right];
    const turnedPads = { ints: wanted.map((n) => Math.max(0, n)) };
    const cropped = crop(
      emitter,
      gradient,
      wanted.map((n) => Math.max(0, -n)),
      outShape,
    );
    const channels = [outShape[3], shape[3]] as const;
    return result(convolve(emitter, [cropped, weight], channels, { kernel_shape, pads: turnedPads }));
  }
  const extra = [1, 2].map((axis) => {
    const before = axis === 1 ? top : left;
    const after = axis === 1 ? bottom : right;
    return shape[axis] - ((outShape[axis] - 1) * strides[axis - 1] + kernel[axis - 1] - before - after);
  });
  const attributes = {
    kernel_shape,
    strides: { ints: strides },
    pads: { ints: pads },
    output_padding: { ints: extra },
  };
  return result(emitter.node('ConvTranspose', [gradient, oihw(emitter, filter)], attributes));
};

/**
 * Drops border rows and columns of dy that saw nothing but padding, which negative pads would
 * express if ONNX allowed them.
 */
function crop(emitter: Emitter, name: string, [top, left, bottom, right]: readonly number[], shape: readonly number[]) {
  if (top + left + bottom + right === 0) return name;
  const ends = emitter.int64([shape[1] - bottom, shape[2] - right]);
  return emitter.node('Slice', [name, emitter.int64([top, left]), ends, emitter.int64([2, 3])]);
}

/** Slice inputs that reverse axes 0 and 1. */
function reversal(emitter: Emitter): string[] {
  return [
    emitter.int64([-1, -1]),
    emitter.int64([-(2 ** 31), -(2 ** 31)]),
    emitter.int64([0, 1]),
    emitter.int64([-1, -1]),
  ];
}

export const CONV: Readonly<Record<string, EmitRule>> = {
  Conv2D: conv2d,
  Conv2DBackpropInput: inputGradient,
  Conv2DBackpropFilter: filterGradient,
};
