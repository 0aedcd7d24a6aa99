/** The consistency check as a program: an enlarged picture made small again by the dual networks that were trained beside its network. */
import type { Program } from '../../graph/program.ts';
import { createDuals } from '../../network/dual.ts';
import type { Network, Parameters } from '../../network/network.ts';
import type { DualSpec, NetworkSpec, ParameterValues } from '../../network/spec.ts';
import { type Tensor4D, tf } from '../../tf.ts';
import { codeWidth } from './code-programs.ts';

/** Of the small picture; any size that is not special. */
const TRACED_SIDE = 24;

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
  const width = codeWidth(spec);
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
