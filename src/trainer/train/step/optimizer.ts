/** Adam with gradient clipping by global norm, and an exponential moving average of the weights, as one program over flat vectors. */
import type { Program } from '../../../core/graph/program.ts';
import type { Tensor } from '../../../core/tf.ts';
import { tf } from '../../../core/tf.ts';

export interface AdamOptions {
  /** @default 0.9 */
  readonly beta1?: number;
  /** @default 0.999 */
  readonly beta2?: number;
  /** @default 1e-8 */
  readonly epsilon?: number;
  /** Largest Euclidean norm of the gradient; a larger one is scaled down to it. @default 1 */
  readonly clipNorm?: number;
}

/** What replaces Adam's step, given that and the momentum (Nesterov's: one gradient ahead), all [P]; both are multiplied by the rate. */
export type StepRule = (adamStep: Tensor, momentum: Tensor) => Tensor;

/** The numbers that change from step to step. */
export const SCALARS = ['learningRate', 'beta1Correction', 'beta2Correction', 'emaDecay'] as const;

/** State vectors, all of the parameters' length. */
export const STATE = ['parameters', 'firstMoment', 'secondMoment', 'average'] as const;

/** An output may not share its name with an input: the new value of a state vector is `next.<name>`. */
export const nextName = (name: (typeof STATE)[number]): string => `next.${name}`;

/**
 * Kingma & Ba 2015, algorithm 1, with bias correction: m/(1-beta1^t), v/(1-beta2^t).
 * Inputs: the state vectors, `gradient` [P] and the scalars. Outputs: the new state vectors (`nextName`) and `gradientNorm`.
 * @param rule what is stepped instead, on the same state.
 */
export function adamProgram(size: number, options: AdamOptions = {}, rule?: StepRule): Program {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, clipNorm = 1 } = options;
  const vectors = Object.fromEntries([...STATE, 'gradient'].map((name) => [name, { shape: [size] }]));
  const scalars = Object.fromEntries(SCALARS.map((name) => [name, { shape: [] }]));
  return {
    name: 'adam',
    inputs: { ...vectors, ...scalars },
    run({
      parameters,
      firstMoment,
      secondMoment,
      average,
      gradient,
      learningRate,
      beta1Correction,
      beta2Correction,
      emaDecay,
    }) {
      const gradientNorm = tf.sqrt(tf.sum(tf.square(gradient)));
      const clipped = tf.mul(gradient, tf.div(clipNorm, tf.maximum(gradientNorm, clipNorm)));
      const first = tf.add(tf.mul(firstMoment, beta1), tf.mul(clipped, 1 - beta1));
      const second = tf.add(tf.mul(secondMoment, beta2), tf.mul(tf.square(clipped), 1 - beta2));
      const adamStep = tf.div(
        tf.div(first, beta1Correction),
        tf.add(tf.sqrt(tf.div(second, beta2Correction)), epsilon),
      );
      const ahead = () => tf.add(tf.mul(first, beta1), tf.mul(clipped, 1 - beta1));
      const step = rule ? rule(adamStep, ahead()) : adamStep;
      const next = tf.sub(parameters, tf.mul(step, learningRate));
      const averaged = tf.add(tf.mul(average, emaDecay), tf.mul(next, tf.sub(1, emaDecay)));
      return {
        [nextName('parameters')]: next,
        [nextName('firstMoment')]: first,
        [nextName('secondMoment')]: second,
        [nextName('average')]: averaged,
        gradientNorm,
      };
    },
  };
}
