/**
 * What makes `edge` obey a degradation code: two small layers turn the code into a factor and a
 * shift for every inner channel of every block (feature-wise modulation, as in SFTMD of Gu et al.,
 * CVPR 2019, but per channel and not per pixel). Both act on a convolution's output before its
 * ReLU, so for one picture they fold into that convolution's weights, and enlarging costs what
 * plain `edge` costs. Nothing here looks at pixels: tiles equal the whole image.
 */
import type { Tensor, Tensor1D, Tensor4D } from '../tf.ts';
import { tf } from '../tf.ts';
import { conv, convParameters } from './layers.ts';
import type { Parameters } from './network.ts';
import type { ConditioningSpec, ConvLayer, ParameterSpec } from './spec.ts';

/**
 * Starts modulation near 1 and 0, so that a network starts as the plain one whose weights it was
 * given.
 */
const MODULATION_FAN_IN = 1e6;

const onePerImage = (name: string, inChannels: number, outChannels: number): ConvLayer => ({
  name,
  kernel: 1,
  inChannels,
  outChannels,
  positionsPerLrPixel: 0,
});

interface Modulation {
  /** code to hidden to hidden */
  readonly trunk: readonly ConvLayer[];
  /** By the name of the convolution whose output they change. */
  readonly heads: ReadonlyMap<string, { readonly scale: ConvLayer; readonly shift: ConvLayer }>;
}

/** @param widths output channels of the convolutions to modulate, by name. */
export function planModulation({ width, hidden }: ConditioningSpec, widths: ReadonlyMap<string, number>): Modulation {
  const heads = [...widths].map(([name, channels]) => {
    const layers = {
      scale: modulationLayer(name, 'scale', hidden, channels),
      shift: modulationLayer(name, 'shift', hidden, channels),
    };
    return [name, layers] as const;
  });
  return {
    trunk: [onePerImage('code.0', width, hidden), onePerImage('code.1', hidden, hidden)],
    heads: new Map(heads),
  };
}

function modulationLayer(conv: string, what: 'scale' | 'shift', inChannels: number, outChannels: number): ConvLayer {
  return onePerImage(modulationName(conv, what), inChannels, outChannels);
}

/** Name of the layer that makes the factors or shifts of a convolution's outputs. */
export function modulationName(layer: string, what: 'scale' | 'shift'): string {
  return `${layer}.${what}`;
}

export function modulationLayers({ trunk, heads }: Modulation): ConvLayer[] {
  return [...trunk, ...[...heads.values()].flatMap(({ scale, shift }) => [scale, shift])];
}

export function modulationParameters({ trunk, heads }: Modulation): ParameterSpec[] {
  const last = [...heads.values()].flatMap(({ scale, shift }) => [scale, shift]);
  return [
    ...convParameters(trunk),
    ...convParameters(last).map((parameter) => ({ ...parameter, fanIn: MODULATION_FAN_IN })),
  ];
}

type ModulatedConv = (parameters: Parameters, layer: ConvLayer, x: Tensor4D) => Tensor4D;

/** `conv`, with the output of planned layers modulated by `code` [N, 1, 1, width]. */
export function modulatedConv({ trunk, heads }: Modulation, parameters: Parameters, code: Tensor4D): ModulatedConv {
  const hidden = trunk.reduce((x, layer) => tf.relu(conv(parameters, layer, x)), code);
  return (weights, layer, x) => {
    const head = heads.get(layer.name);
    if (!head) return conv(weights, layer, x);
    const factor: Tensor4D = tf.add(conv(parameters, head.scale, hidden), 1);
    const shift = conv(parameters, head.shift, hidden);
    if (x.shape[0] > 1) return tf.add(tf.mul(conv(weights, layer, x), factor), shift);
    return conv({ ...weights, ...foldModulation(weights, layer, factor, shift) }, layer, x);
  };
}

/**
 * (x * w + b) f + s = x * (w f) + (b f + s): for one image the modulation is part of the weights.
 */
function foldModulation(
  weights: Parameters,
  { name, outChannels }: ConvLayer,
  factor: Tensor,
  shift: Tensor,
): Parameters {
  const [factors, shifts] = [tf.reshape(factor, [outChannels]), tf.reshape(shift, [outChannels])];
  const bias = weights[`${name}.bias`] as Tensor1D;
  return {
    [`${name}.weight`]: tf.mul(weights[`${name}.weight`] as Tensor4D, factors),
    [`${name}.bias`]: tf.add(tf.mul(bias, factors), shifts),
  };
}
