/** Networks that are told how their picture was degraded, as programs: to guess the code once, to enlarge tile after tile by it. */
import type { Program } from '../../graph/program.ts';
import type { Network } from '../../network/network.ts';
import type { EdgeSpec, ParameterValues } from '../../network/spec.ts';
import type { Tensor4D } from '../../tf.ts';
import type { ServedSpec } from './served-types.ts';

type Values = Readonly<Record<string, ParameterValues>>;
type CodedNetwork = Pick<Network<EdgeSpec>, 'spec' | 'forward' | 'estimate'>;

/** Any size that is not special. */
const TRACED_SIDE = 24;

/** Numbers of the code that a network is told; undefined for networks without. */
export function codeWidth(spec: ServedSpec): number | undefined {
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
export function toldProgram(
  network: CodedNetwork,
  parameters: Values,
  size?: { readonly width: number; readonly height: number },
): Program {
  const image = size ? { shape: [1, size.height, size.width, 3] } : IMAGE;
  return {
    name: network.spec.family,
    inputs: { image, code: { shape: [1, 1, 1, codeWidth(network.spec) as number] } },
    constants: constantsOf(parameters),
    run: ({ image, code, ...weights }) => ({
      enlarged: network.forward(weights, image as Tensor4D, code as Tensor4D).at(-1) as Tensor4D,
    }),
  };
}

/** Input `image` as above, output `code`. */
export function estimateProgram({ estimate }: CodedNetwork, parameters: Values): Program {
  if (!estimate) throw new Error('expected a network that guesses its code');
  return {
    name: 'estimator',
    inputs: { image: IMAGE },
    constants: constantsOf(parameters),
    run: ({ image, ...weights }) => ({ code: estimate(weights, image as Tensor4D) }),
  };
}
