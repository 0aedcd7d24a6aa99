/** Adam or Muon with gradient clipping by global norm, and a moving average of the weights, as one program over flat vectors. */
import type { Program } from '../../../core/graph/program.ts';
import { ESTIMATOR } from '../../../core/network/estimator.ts';
import type { Network } from '../../../core/network/network.ts';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../../../core/tf.ts';
import type { Objective } from './objective.ts';
import type { ParameterLayout } from './parameter-layout.ts';

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

/** Replaces Adam's step, given that step and Nesterov's momentum, both [P]; the result is multiplied by the rate. */
export type StepRule = (adamStep: Tensor, momentum: Tensor) => Tensor;

/** The numbers that change from step to step. */
export const SCALARS = ['learningRate', 'beta1Correction', 'beta2Correction', 'emaDecay'] as const;

/** State vectors, all of the parameters' length. */
export const STATE = ['parameters', 'firstMoment', 'secondMoment', 'average'] as const;

/** An output may not share its name with an input: the new value of a state vector is `next.<name>`. */
export const nextName = (name: (typeof STATE)[number]): string => `next.${name}`;

/** For each state vector the output that holds its next value. */
export const NEXT_OUTPUTS: Readonly<Record<string, string>> = Object.fromEntries(
  STATE.map((name) => [name, nextName(name)]),
);

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

/**
 * Odd polynomial a x + b x^3 + c x^5 that brings singular values in (0, 1] near 1 within five rounds,
 * except those that are tiny compared to the largest (Jordan et al.).
 */
const [A, B, C] = [3.4445, -4.775, 2.0315] as const;
const ROUNDS = 5;
/** Makes a step's root mean square about that of Adam, so that rates mean the same (Liu et al. 2025, arXiv:2502.16982, eq. 4). */
const USUAL_RMS = 0.2;
/** A matrix of zeros, of frozen weights, stays one. */
const SMALLEST_NORM = 1e-12;

/**
 * The same singular vectors with nearly equal singular values, by Newton and Schulz: matrix products only.
 * @param matrix [rows, columns]
 */
export function orthogonalize(matrix: Tensor2D): Tensor2D {
  const [rows, columns] = matrix.shape;
  const isWide = columns > rows;
  const tall = isWide ? tf.transpose(matrix) : matrix;
  let x: Tensor2D = tf.div(tall, tf.maximum(tf.sqrt(tf.sum(tf.square(tall))), SMALLEST_NORM));
  for (let round = 0; round < ROUNDS; round++) {
    const gram: Tensor2D = tf.matMul(x, x, true, false);
    const polynomial: Tensor2D = tf.add(tf.mul(gram, B), tf.mul(tf.matMul(gram, gram), C));
    x = tf.add(tf.mul(x, A), tf.matMul(x, polynomial));
  }
  return isWide ? tf.transpose(x) : x;
}

/** Names of the weights of all convolutions larger than 1x1, except the estimator's. */
function matrixNames({ layers }: Pick<Network, 'layers'>): Set<string> {
  const matrices = layers.filter(({ name, kernel }) => kernel > 1 && !name.startsWith(ESTIMATOR));
  return new Set(matrices.map(({ name }) => `${name}.weight`));
}

/**
 * Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/): the step of a weight matrix is
 * its momentum with all singular values made equal, so that rare directions are learnt as fast as the
 * others. A convolution's weight is the matrix [kernel * kernel * inChannels, outChannels]. Biases, 1x1
 * convolutions and the dual networks are stepped by Adam.
 */
export function muonStep(primal: Pick<Network, 'layers'>, layout: ParameterLayout): StepRule {
  const names = matrixNames(primal);
  return (adamStep, momentum) => {
    const parts: Tensor[] = [];
    let done = 0;
    const cut = (vector: Tensor, from: number, to: number) => tf.slice(vector as Tensor1D, [from], [to - from]);
    for (const { name, shape, offset, size } of layout.slots) {
      if (!names.has(name)) continue;
      if (offset > done) parts.push(cut(adamStep, done, offset));
      const columns = shape.at(-1) as number;
      const rows = size / columns;
      const direction = orthogonalize(tf.reshape(cut(momentum, offset, offset + size), [rows, columns]));
      parts.push(tf.reshape(tf.mul(direction, USUAL_RMS * Math.sqrt(Math.max(rows, columns))), [size]));
      done = offset + size;
    }
    if (done < layout.size) parts.push(cut(adamStep, done, layout.size));
    return tf.concat(parts);
  };
}

export const OPTIMIZERS = ['adam', 'muon'] as const;
export type OptimizerName = (typeof OPTIMIZERS)[number];

export interface UpdateOptions {
  /** @default 'adam' */
  readonly optimizer?: OptimizerName;
  readonly adam?: AdamOptions;
}

/** A step of the optimiser: inputs and outputs as those of `adamProgram`. */
export function updateProgram(
  { primal, layout }: Pick<Objective, 'primal' | 'layout'>,
  { optimizer = 'adam', adam = {} }: UpdateOptions = {},
): Program {
  return adamProgram(layout.size, adam, optimizer === 'muon' ? muonStep(primal, layout) : undefined);
}

/** Its name, for a model's provenance. @default Adam's */
export const describeOptimizer = (optimizer: OptimizerName = 'adam'): string =>
  ({ adam: 'Adam', muon: 'Muon' })[optimizer];
