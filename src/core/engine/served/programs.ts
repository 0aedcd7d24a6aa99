/**
 * The networks of a served model as programs: enlarging, estimating a degradation vector, and the
 * consistency check.
 */
import type { Program } from '../../graph/program.ts';
import { createNetwork } from '../../network/create-network.ts';
import { createDuals } from '../../network/dual.ts';
import type { Network, Parameters } from '../../network/network.ts';
import type { DualSpec, NetworkSpec, ParameterValues } from '../../network/spec.ts';
import { createLanczos } from '../../network/upsample.ts';
import { type Tensor4D, tf } from '../../tf.ts';
import type { ServedSpec } from './served-types.ts';

type Values = Readonly<Record<string, ParameterValues>>;
type ServedNetwork = Pick<Network<ServedSpec>, 'spec' | 'halo' | 'forward' | 'estimate'>;

/** Any size that is not special: the compiler proves that the graph does not depend on it. */
const TRACED_SIDE = 24;

/** Pixels of the image a graph is compiled for; without it any size is accepted at run time. */
interface FixedSize {
  readonly width: number;
  readonly height: number;
}

export function createServedNetwork(spec: ServedSpec): ServedNetwork {
  return spec.family === 'lanczos' ? createLanczos(spec) : createNetwork(spec);
}

/** Length of the degradation vector of a conditioned network; undefined for the others. */
export function vectorWidth(spec: ServedSpec): number | undefined {
  return spec.family === 'edge' ? spec.code?.width : undefined;
}

function constantsOf(parameters: Values): NonNullable<Program['constants']> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [name, { dtype: 'float32' as const, shape, data }]),
  );
}

function imageInput(size?: FixedSize): Program['inputs'][string] {
  if (size) return { shape: [1, size.height, size.width, 3] };
  return { shape: [1, TRACED_SIDE, TRACED_SIDE, 3], dynamicAxes: [1, 2] };
}

/**
 * Input `image` [1, H, W, 3] in 0..1, output `enlarged` [1, s*H, s*W, 3] in 0..1, not clamped; the
 * weights are constants. A conditioned network goes by its own estimate of each image.
 */
export function enlargeProgram({ spec, forward }: ServedNetwork, parameters: Values, size?: FixedSize): Program {
  return {
    name: spec.family,
    inputs: { image: imageInput(size) },
    constants: constantsOf(parameters),
    run: (inputs) => ({ enlarged: forward(inputs, inputs['image'] as Tensor4D).at(-1) as Tensor4D }),
  };
}

/**
 * As `enlargeProgram`, with a second input `code` [1, 1, 1, width], the degradation vector: tiles
 * equal the whole.
 */
export function conditionedProgram({ spec, forward }: ServedNetwork, parameters: Values, size?: FixedSize): Program {
  const width = vectorWidth(spec);
  if (width === undefined) throw new Error('expected a network that takes a degradation vector');
  return {
    name: spec.family,
    inputs: { image: imageInput(size), code: { shape: [1, 1, 1, width] } },
    constants: constantsOf(parameters),
    run: ({ image, code, ...weights }) => ({
      enlarged: forward(weights, image as Tensor4D, code as Tensor4D).at(-1) as Tensor4D,
    }),
  };
}

/**
 * How tile workers enlarge: a conditioned network is given its vector, which is estimated once for
 * a picture.
 */
export function tileProgram(network: ServedNetwork, parameters: Values): Program {
  const isConditioned = vectorWidth(network.spec) !== undefined;
  return isConditioned ? conditionedProgram(network, parameters) : enlargeProgram(network, parameters);
}

/** Input `image` as above, output `code`. Undefined for a network that is not conditioned. */
export function estimateProgram({ estimate }: ServedNetwork, parameters: Values): Program | undefined {
  if (!estimate) return undefined;
  return {
    name: 'estimator',
    inputs: { image: imageInput() },
    constants: constantsOf(parameters),
    run: ({ image, ...weights }) => ({ code: estimate(weights, image as Tensor4D) }),
  };
}

/**
 * One reduction. `Network.forward` of scale 3 reshapes by the picture's size; the same sums as a
 * convolution of stride 3 do not.
 */
function reduce(
  { spec, layers, forward }: Network<DualSpec>,
  parameters: Parameters,
  image: Tensor4D,
  code?: Tensor4D,
): Tensor4D {
  if (spec.scale !== 3 || code) return forward(parameters, image, code).at(-1) as Tensor4D;
  const [first, last] = layers.map(({ name }) => parameters[`${name}.weight`] as Tensor4D);
  const cells = tf.conv2d(image, tf.reshape(first as Tensor4D, [3, 3, 3, spec.featureCount]), 3, 'valid');
  return tf.conv2d(tf.leakyRelu(cells, 0.2), last as Tensor4D, 1, 'same');
}

/**
 * Input `enlarged` [1, s*H, s*W, 3] as the network gives it, output `reduced` [1, H, W, 3], both
 * around 0..1. What is clamped in the picture is clamped here first: the picture is checked. For
 * conditioned networks also input `code`.
 */
export function reduceProgram(spec: NetworkSpec, parameters: Values): Program {
  const side = TRACED_SIDE * spec.scale;
  // The one that reduces the largest image comes last.
  const duals = createDuals(spec).reverse();
  const width = vectorWidth(spec);
  const enlarged = { shape: [1, side, side, 3], dynamicAxes: [1, 2] };
  return {
    name: 'dual',
    inputs: width === undefined ? { enlarged } : { enlarged, code: { shape: [1, 1, 1, width] } },
    constants: constantsOf(parameters),
    run: (inputs) => {
      const code = inputs['code'] as Tensor4D | undefined;
      const clamped = tf.clipByValue(inputs['enlarged'] as Tensor4D, 0, 1);
      return { reduced: duals.reduce((image, dual) => reduce(dual, inputs, image, code), clamped) };
    },
  };
}
