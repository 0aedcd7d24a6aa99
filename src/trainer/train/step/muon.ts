/**
 * Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/): the step of a weight matrix is its momentum with all singular values
 * made equal, so that directions which gradients seldom take are learnt as fast as the others. A convolution's weight is the matrix
 * [kernel * kernel * inChannels, outChannels]. What is no such matrix (biases, 1x1 convolutions, the dual networks) goes with Adam.
 */
import { ESTIMATOR } from '../../../core/network/estimator.ts';
import type { Network } from '../../../core/network/network.ts';
import type { Tensor, Tensor1D, Tensor2D } from '../../../core/tf.ts';
import { tf } from '../../../core/tf.ts';
import type { StepRule } from './optimizer.ts';
import type { ParameterLayout } from './parameter-layout.ts';

/** Odd polynomial a x + b x^3 + c x^5 that brings singular values in (0, 1] near 1 within five rounds, but for those that are tiny beside the largest (Jordan et al.). */
const [A, B, C] = [3.4445, -4.775, 2.0315] as const;
const ROUNDS = 5;
/** A step's root mean square is then about that of Adam's, and rates mean the same (Liu et al. 2025, arXiv:2502.16982, eq. 4). */
const USUAL_RMS = 0.2;
/** A matrix of zeros, of weights that rest, stays one. */
const SMALLEST_NORM = 1e-12;

/** The same singular vectors with nearly equal singular values, by Newton and Schulz: products of matrices alone. @param matrix [rows, columns] */
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

/** Weights of the convolutions that see more than a pixel, but for the estimator's, by name. */
function matrixNames({ layers }: Pick<Network, 'layers'>): Set<string> {
  const matrices = layers.filter(({ name, kernel }) => kernel > 1 && !name.startsWith(ESTIMATOR));
  return new Set(matrices.map(({ name }) => `${name}.weight`));
}

/** @returns Adam's step of the whole vector with those parts replaced that are matrices of `primal`. */
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
