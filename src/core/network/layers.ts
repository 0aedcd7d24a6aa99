/** The TF.js building blocks all families share. Activations are NHWC, weights HWIO. */
import type { Tensor, Tensor1D, Tensor4D } from '../tf.ts';
import { tf } from '../tf.ts';
import type { Parameters } from './network.ts';
import type { ConvLayer, ParameterSpec } from './spec.ts';

/** Weight and bias of each layer, in the layers' order. */
export function convParameters(layers: readonly ConvLayer[]): ParameterSpec[] {
  return layers.flatMap(({ name, kernel, inChannels, outChannels, bias = true }) => {
    const fanIn = kernel * kernel * inChannels;
    const weight = { name: `${name}.weight`, shape: [kernel, kernel, inChannels, outChannels], fanIn };
    return bias ? [weight, { name: `${name}.bias`, shape: [outChannels], fanIn }] : [weight];
  });
}

function parameter(parameters: Parameters, name: string): Tensor {
  const value = parameters[name];
  if (!value) throw new Error(`the network has no parameter ${name}`);
  return value;
}

type ConvObserver = (layer: string, output: Tensor4D) => void;

/**
 * A symbol, so that it is no parameter's name and stays when parameters are copied by spreading.
 */
const OBSERVER = Symbol('observer');

interface ObservedParameters extends Parameters {
  readonly [OBSERVER]?: ConvObserver;
}

/**
 * The same parameters; what each convolution with them gives is passed to `observe`, for losses on
 * what is inside a network.
 */
export function observeConvs(parameters: Parameters, observe: ConvObserver): Parameters {
  const observed: ObservedParameters = { ...parameters, [OBSERVER]: observe };
  return observed;
}

/**
 * Convolution with the padding PyTorch calls `kernel // 2`, the same on every side. (TF.js' `same`
 * pads a stride-2 convolution on the far side only, which would shift the picture by a pixel.)
 */
export function conv(parameters: Parameters, layer: ConvLayer, x: Tensor4D): Tensor4D {
  const { name, kernel, stride = 1, bias = true } = layer;
  const weight = parameter(parameters, `${name}.weight`) as Tensor4D;
  const sum: Tensor4D = tf.conv2d(x, weight, stride, Math.floor(kernel / 2));
  const y: Tensor4D = bias ? tf.add(sum, parameter(parameters, `${name}.bias`) as Tensor1D) : sum;
  (parameters as ObservedParameters)[OBSERVER]?.(name, y);
  return y;
}

/** [N, H*s, W*s, C] -> [N, H, W, s*s*C]: the inverse of `pixelShuffle`. */
export function pixelUnshuffle(x: Tensor4D, s: number): Tensor4D {
  const [n, height, width, channels] = x.shape;
  const [h, w] = [height / s, width / s];
  const cells = tf.transpose(tf.reshape(x, [n, h, s, w, s, channels]), [0, 1, 3, 2, 4, 5]);
  return tf.reshape(cells, [n, h, w, s * s * channels]);
}

/**
 * [N, H, W, s*s*C] -> [N, H*s, W*s, C]. Channel (dy*s + dx)*C + c goes to offset (dy, dx), TF's
 * depth-to-space order. TF.js has no gradient for its DepthToSpace kernel, so it is given here.
 */
export function pixelShuffle(x: Tensor4D, s: number): Tensor4D {
  const shuffle = tf.customGrad((input) => ({
    value: tf.depthToSpace(input as Tensor4D, s, 'NHWC'),
    gradFunc: (dy) => [pixelUnshuffle(dy as Tensor4D, s)],
  }));
  return shuffle(x) as Tensor4D;
}
