/**
 * `dual`: gets the small image back from the large one. A chain of stride-2 convolutions, one per
 * halving, then 3x3 to RGB; no biases, leaky ReLU between, as in the paper's code.
 *
 * The paper's DRN has one such network of scale 2 per level (54F parameters each), other primal
 * networks have one for the whole scale (3,168 parameters for x4): both are this family with
 * another `scale`.
 */
import { type Tensor4D, tf } from '../tf.ts';
import { doublingCount } from './drn-plan.ts';
import { modulationName } from './edge-conditioned.ts';
import { conv, convParameters, pixelUnshuffle } from './layers.ts';
import type { Network, Parameters } from './network.ts';
import type { ConvLayer, DualSpec, NetworkSpec } from './spec.ts';

const LEAKY_SLOPE = 0.2;
/** Width of the dual network of any family but DRN, as in the paper's SwinIR and DCLS code. */
const DUAL_FEATURES = 16;

function halvingLayers(name: string, { featureCount }: DualSpec, halvings: number): ConvLayer[] {
  return Array.from({ length: halvings }, (_, index) => ({
    name: `${name}.${index}`,
    kernel: 3,
    stride: 2,
    bias: false,
    inChannels: index === 0 ? 3 : featureCount,
    outChannels: featureCount,
    positionsPerLrPixel: 4 ** (halvings - 1 - index),
  }));
}

/**
 * A 3x3 convolution of stride 3 without padding, written as 1x1 over the nine pixels of each cell:
 * padded by one, as `conv` does, its windows would be off the centres of the LR pixels.
 */
function thirdLayer(name: string, { featureCount }: DualSpec): ConvLayer {
  return {
    name: `${name}.0`,
    kernel: 1,
    bias: false,
    inChannels: 27,
    outChannels: featureCount,
    positionsPerLrPixel: 1,
  };
}

/**
 * Per reducing layer a factor and a shift for each of its channels, linear in the code: the blur
 * decides how it reduces.
 */
function conditioningLayers(reducing: readonly ConvLayer[], vectorWidth: number): ConvLayer[] {
  return reducing.flatMap(({ name, outChannels }) =>
    (['scale', 'shift'] as const).map((what) => ({
      name: modulationName(name, what),
      kernel: 1,
      bias: false,
      inChannels: vectorWidth,
      outChannels,
      positionsPerLrPixel: 0,
    })),
  );
}

/**
 * `forward` takes [N, scale*h, scale*w, 3] and returns one image [N, h, w, 3]. Without biases the
 * chain commutes with a positive factor, so values in 0..1 give what the paper's 0..255 give.
 *
 * @param name starts the parameters' names, so that several duals can share one table. @default
 *   'dual'
 */
export function createDual(spec: DualSpec, name = 'dual'): Network<DualSpec> {
  const { scale, featureCount, vectorWidth } = spec;
  const reducing = scale === 3 ? [thirdLayer(name, spec)] : halvingLayers(name, spec, doublingCount(scale));
  const last: ConvLayer = {
    name: `${name}.${reducing.length}`,
    kernel: 3,
    bias: false,
    inChannels: featureCount,
    outChannels: 3,
    positionsPerLrPixel: 1,
  };
  const conditioning = vectorWidth === undefined ? [] : conditioningLayers(reducing, vectorWidth);
  const byName = new Map(conditioning.map((layer) => [layer.name, layer]));
  /** x f + s with f = 1 where the code is 0. */
  const modulate = (parameters: Parameters, { name }: ConvLayer, x: Tensor4D, code: Tensor4D): Tensor4D => {
    const of = (what: 'scale' | 'shift') => conv(parameters, byName.get(modulationName(name, what)) as ConvLayer, code);
    return tf.add(tf.mul(x, tf.add(of('scale'), 1)), of('shift'));
  };
  const layers = [...reducing, last, ...conditioning];
  return {
    spec,
    layers,
    parameters: convParameters(layers),
    // One pixel for the last convolution; a stride-2 chain also reads up to one LR pixel before its
    // own.
    halo: scale === 3 ? 1 : 2,
    forward(parameters: Parameters, image: Tensor4D, code?: Tensor4D): Tensor4D[] {
      if (vectorWidth !== undefined && !code) throw new Error(`${name} needs the degradation vector`);
      let x = scale === 3 ? pixelUnshuffle(image, 3) : image;
      for (const layer of reducing) {
        const y = conv(parameters, layer, x);
        x = tf.leakyRelu(code && vectorWidth !== undefined ? modulate(parameters, layer, y, code) : y, LEAKY_SLOPE);
      }
      return [conv(parameters, last, x)];
    },
  };
}

/**
 * The dual networks that train `primal`: dual `i` of `n` reduces the `i`-th of the last `n` images
 * that `primal.forward` returns, and its target is the next smaller level of the image pyramid. For
 * `drn` that is one per level, otherwise one for the whole scale.
 */
export function createDuals(primal: NetworkSpec): Network<DualSpec>[] {
  if (primal.family !== 'drn') {
    const { scale, code } = primal;
    return [createDual({ family: 'dual', scale, featureCount: DUAL_FEATURES, vectorWidth: code?.width })];
  }
  return Array.from({ length: doublingCount(primal.scale) }, (_, level) =>
    createDual({ family: 'dual', scale: 2, featureCount: primal.featureCount }, `dual.level${level}`),
  );
}
