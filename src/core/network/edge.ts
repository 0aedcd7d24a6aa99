/**
 * `edge`: everything happens at LR resolution and there is no global pooling, so tiles equal the
 * whole image. Head 3x3, residual blocks (3x3, ReLU, 3x3), long skip, tail 3x3 to 3*s*s channels,
 * skip from the repeated input, pixel shuffle. With a code, what happens before each ReLU depends
 * on the degradation (`edge-conditioned.ts`), and an estimator can tell it.
 */
import type { Tensor4D } from '../tf.ts';
import { tf } from '../tf.ts';
import { modulatedConv, modulationLayers, modulationParameters, planModulation } from './edge-conditioned.ts';
import { createEstimator } from './estimator.ts';
import { conv, convParameters, pixelShuffle } from './layers.ts';
import type { Network, Parameters } from './network.ts';
import type { ConditioningSpec, ConvLayer, EdgeSpec } from './spec.ts';

/** Zero padding stands for this gray rather than for black. */
const MID_GRAY = 0.5;

function edgeLayers(spec: EdgeSpec): { head: ConvLayer; blocks: [ConvLayer, ConvLayer][]; tail: ConvLayer } {
  const { featureCount, innerWidths, scale } = spec;
  const layer = (name: string, inChannels: number, outChannels: number): ConvLayer => ({
    name,
    kernel: 3,
    inChannels,
    outChannels,
    positionsPerLrPixel: 1,
  });
  return {
    head: layer('head', 3, featureCount),
    // A block keeps its name when one before it is dropped, so weights of the full network still
    // fit.
    blocks: innerWidths.flatMap((inner, i): [ConvLayer, ConvLayer][] =>
      inner === 0
        ? []
        : [[layer(`body.${i}.conv1`, featureCount, inner), layer(`body.${i}.conv2`, inner, featureCount)]],
    ),
    tail: layer('tail', featureCount, 3 * scale * scale),
  };
}

type Trunk = ReturnType<typeof edgeLayers>;

/** @param inner the first convolution of a block. */
function enlarge(
  { head, blocks, tail }: Trunk,
  scale: number,
  inner: typeof conv,
  parameters: Parameters,
  image: Tensor4D,
) {
  const shallow = conv(parameters, head, tf.sub(image, MID_GRAY));
  let features = shallow;
  for (const [conv1, conv2] of blocks) {
    features = tf.add(features, conv(parameters, conv2, tf.relu(inner(parameters, conv1, features))));
  }
  const detail = conv(parameters, tail, tf.add(features, shallow));
  const repeated = tf.tile(image, [1, 1, 1, scale ** 2]);
  return [pixelShuffle(tf.add(detail, repeated), scale)];
}

export function createEdge(spec: EdgeSpec): Network<EdgeSpec> {
  const trunk = edgeLayers(spec);
  const layers = [trunk.head, ...trunk.blocks.flat(), trunk.tail];
  const plain = {
    spec,
    layers,
    parameters: convParameters(layers),
    halo: layers.length,
    residualEnds: trunk.blocks.map(([, { name }]) => name),
    forward: (parameters: Parameters, image: Tensor4D) => enlarge(trunk, spec.scale, conv, parameters, image),
  };
  return spec.code ? addConditioning(plain, trunk, spec.code) : plain;
}

function addConditioning(plain: Network<EdgeSpec>, trunk: Trunk, code: ConditioningSpec): Network<EdgeSpec> {
  const { scale } = plain.spec;
  const { layers, parameters: estimating, estimate } = createEstimator(code);
  const modulation = planModulation(code, new Map(trunk.blocks.map(([{ name, outChannels }]) => [name, outChannels])));
  return {
    ...plain,
    layers: [...plain.layers, ...modulationLayers(modulation), ...layers],
    parameters: [...plain.parameters, ...modulationParameters(modulation), ...estimating],
    estimate,
    forward(parameters, image, given = estimate(parameters, image)) {
      return enlarge(trunk, scale, modulatedConv(modulation, parameters, given), parameters, image);
    },
  };
}
