/** Networks that are told how their picture was degraded, as programs: to guess the code once, to enlarge tile after tile by it. */
import type { Program } from '../../graph/program.ts';
import { createDuals } from '../../network/dual.ts';
import type { Network, Parameters } from '../../network/network.ts';
import type { DualSpec, EdgeSpec, NetworkSpec, ParameterValues } from '../../network/spec.ts';
import { type Tensor4D, tf } from '../../tf.ts';
import type { ServedSpec } from './served-types.ts';

type Values = Readonly<Record<string, ParameterValues>>;
type ConditionedNetwork = Pick<Network<EdgeSpec>, 'spec' | 'forward' | 'estimate'>;

/** Any size that is not special. */
const TRACED_SIDE = 24;

/** Numbers of the code that a network is told; undefined for networks without. */
export function vectorWidth(spec: ServedSpec): number | undefined {
  return spec.family === 'edge' ? spec.code?.width : undefined;
}

function constantsOf(parameters: Values): NonNullable<Program['constants']> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [name, { dtype: 'float32' as const, shape, data }]),
  );
}

const IMAGE = { shape: [1, TRACED_SIDE, TRACED_SIDE, 3], dynamicAxes: [1, 2] };

/**
 * Inputs `image` [1, H, W, 3] in 0..1 and `code` [1, 1, 1, width], output `enlarged` [1, s*H, s*W, 3]; tiles equal the whole.
 * @param size of the image. Any, without it.
 */
export function conditionedProgram(
  network: ConditionedNetwork,
  parameters: Values,
  size?: { readonly width: number; readonly height: number },
): Program {
  const image = size ? { shape: [1, size.height, size.width, 3] } : IMAGE;
  return {
    name: network.spec.family,
    inputs: { image, code: { shape: [1, 1, 1, vectorWidth(network.spec) as number] } },
    constants: constantsOf(parameters),
    run: ({ image, code, ...weights }) => ({
      enlarged: network.forward(weights, image as Tensor4D, code as Tensor4D).at(-1) as Tensor4D,
    }),
  };
}

/** Input `image` as above, output `code`. */
export function estimateProgram({ estimate }: ConditionedNetwork, parameters: Values): Program {
  if (!estimate) throw new Error('expected a network that guesses its code');
  return {
    name: 'estimator',
    inputs: { image: IMAGE },
    constants: constantsOf(parameters),
    run: ({ image, ...weights }) => ({ code: estimate(weights, image as Tensor4D) }),
  };
}

/** One reduction. `Network.forward` of scale 3 reshapes by the picture's size; the same sums as a convolution of stride 3 do not. */
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
 * Input `enlarged` [1, s*H, s*W, 3] as the network gives it, output `reduced` [1, H, W, 3], both around 0..1. What is clamped in the
 * picture is clamped here first: the picture is checked, not what the network meant. For networks with a code also input `code`.
 */
export function reduceProgram(spec: NetworkSpec, parameters: Readonly<Record<string, ParameterValues>>): Program {
  const side = TRACED_SIDE * spec.scale;
  // The one that reduces the largest image comes last.
  const duals = createDuals(spec).reverse();
  const constants = Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [name, { dtype: 'float32' as const, shape, data }]),
  );
  const width = vectorWidth(spec);
  const told: Program['inputs'] = width === undefined ? {} : { code: { shape: [1, 1, 1, width] } };
  return {
    name: 'dual',
    inputs: { enlarged: { shape: [1, side, side, 3], dynamicAxes: [1, 2] }, ...told },
    constants,
    run: (inputs) => {
      const clamped = tf.clipByValue(inputs['enlarged'] as Tensor4D, 0, 1);
      return {
        reduced: duals.reduce(
          (image, dual) => reduce(dual, inputs, image, inputs['code'] as Tensor4D | undefined),
          clamped,
        ),
      };
    },
  };
}
