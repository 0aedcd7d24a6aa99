/**
 * The loss of channel pruning as a program: L_M + L_DR (arXiv 2207.07929, section on channel pruning), where L_M is the
 * distance between a convolution's output in the pruned network and in the original one.
 *
 * The released code adds a mean square of features and an L1 loss in 0..255. Both depend on the scale of a network's
 * features, so here each is divided by its value for the original network: features by their mean square, L_DR by the
 * original's L_DR for the same patches.
 */
import type { Program } from '../../../core/graph/program.ts';
import { observeConvs } from '../../../core/network/layers.ts';
import type { Parameters } from '../../../core/network/network.ts';
import type { PrunableWidth } from '../../../core/network/prunable.ts';
import type { ParameterSpec, ParameterValues } from '../../../core/network/spec.ts';
import { type Tensor, type Tensor1D, type Tensor4D, tf } from '../../../core/tf.ts';
import { computeLosses, type Losses } from '../../train/step/losses.ts';
import { batchInputs, type GradientProgram, levelInput, type Objective } from '../../train/step/objective.ts';
import {
  layOutParameters,
  nameParameters,
  type ParameterLayout,
  sliceParameters,
} from '../../train/step/parameter-layout.ts';
import type { Values } from './pruned-network.ts';

/** Weights of the feature losses of each width, [widths]: its gradient is L_M of every width. */
export const FOCUS = 'focus';

const EPSILON = 1e-12;

/** Weights and biases of the convolutions that read the prunable channels, then `focus`. Nothing else changes. */
export function layOutPruning({ primal }: Objective, widths: readonly PrunableWidth[]): ParameterLayout {
  const changed = new Set(widths.flatMap(({ consumer: { layer } }) => [`${layer}.weight`, `${layer}.bias`]));
  const focus: ParameterSpec = { name: FOCUS, shape: [widths.length], fanIn: 1 };
  return layOutParameters([
    { parameters: primal.parameters.filter(({ name }) => changed.has(name)) },
    { parameters: [focus] },
  ]);
}

export const asConstants = (values: Values): NonNullable<Program['constants']> =>
  Object.fromEntries(
    Object.entries(values).map(([name, { shape, data }]: [string, ParameterValues]) => [
      name,
      { dtype: 'float32' as const, shape, data },
    ]),
  );

interface Pass extends Losses {
  /** By the name of the convolution. */
  readonly features: ReadonlyMap<string, Tensor4D>;
}

function forward(objective: Objective, parameters: Parameters, images: (level: number) => Tensor4D): Pass {
  const features = new Map<string, Tensor4D>();
  const observed = observeConvs(parameters, (layer, output) => features.set(layer, output));
  const losses = computeLosses(objective, observed, { images });
  return { ...losses, features };
}

/** Of every width the mean square between the features, relative to that of the original's. */
function featureLosses(widths: readonly PrunableWidth[], pruned: Pass, original: Pass): Tensor1D {
  return tf.concat(
    widths.map(({ consumer: { layer } }) => {
      const [given, wanted] = [pruned.features.get(layer) as Tensor4D, original.features.get(layer) as Tensor4D];
      const power = tf.add(tf.mean(tf.square(wanted)), EPSILON);
      return tf.reshape(tf.div(tf.mean(tf.square(tf.sub(given, wanted))), power), [1]);
    }),
  ) as Tensor1D;
}

/**
 * Inputs and outputs as those of `gradientProgram`, `parameters` being those of `layOutPruning`.
 * @param given the original network's parameters and those of the duals.
 */
export function pruneProgram(widths: readonly PrunableWidth[], given: Values): GradientProgram {
  return (objective, shape): Program => {
    const { layout, dualWeight } = objective;
    const regression = ({ primal, dual }: Losses): Tensor => tf.add(primal, tf.mul(dual, dualWeight));
    return {
      name: 'prune',
      inputs: { parameters: { shape: [layout.size] }, ...batchInputs(objective, shape) },
      constants: asConstants(given),
      run(inputs) {
        const images = (level: number) => inputs[levelInput(level)] as Tensor4D;
        // Outside of what is differentiated: there is no gradient into the original.
        const original = forward(objective, inputs, images);
        let losses: readonly Tensor[] = [];
        const total = (...changed: Tensor[]) => {
          const { [FOCUS]: focus, ...weights } = nameParameters(layout, changed);
          const pruned = forward(objective, { ...inputs, ...weights }, images);
          // An eager engine disposes what is made inside.
          losses = [pruned.primal, pruned.dual].map((loss) => tf.keep(loss.clone()));
          const features = tf.sum(tf.mul(focus, featureLosses(widths, pruned, original)));
          return tf.add(features, tf.div(regression(pruned), tf.add(regression(original), EPSILON))) as never;
        };
        const { grads } = tf.valueAndGrads(total)(sliceParameters(layout, inputs['parameters']));
        const gradient = tf.concat(grads.map((grad, i) => tf.reshape(grad, [layout.slots[i].size])));
        const [primalLoss, dualLoss] = losses.map((loss) => loss.clone());
        tf.dispose([...losses]);
        return { gradient, primalLoss, dualLoss };
      },
    };
  };
}
