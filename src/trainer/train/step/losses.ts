/**
 * The terms of dual regression, L = L_P(P(x), y) + dualWeight * L_D(D(P(x)), x) (Guo et al., "Closed-loop Matters",
 * CVPR 2020, eq. 1; L1 losses as in the released trainer), and of learning from a larger network.
 */
import type { Network, Parameters } from '../../../core/network/network.ts';
import type { NetworkSpec } from '../../../core/network/spec.ts';
import type { Tensor, Tensor4D } from '../../../core/tf.ts';
import { tf } from '../../../core/tf.ts';

/** Sizes of the images a network's `forward` returns, relative to its input: all levels for `drn`, only the result otherwise. */
export function outputLevels(spec: NetworkSpec): number[] {
  if (spec.family !== 'drn') return [spec.scale];
  return Array.from({ length: Math.log2(spec.scale) + 1 }, (_, level) => 2 ** level);
}

/** Mean over everything; with weights [n], pictures count by theirs (1 is the usual). */
function l1(a: Tensor, b: Tensor, weights?: Tensor): Tensor {
  const difference = tf.abs(tf.sub(a, b));
  return weights ? tf.mean(tf.mul(weights, tf.mean(difference, [1, 2, 3]))) : tf.mean(difference);
}

export interface Batch {
  /** [n, level*h, level*h, 3] in 0..1; level 1 is the input. Zeros at the other levels of pictures without ground truth. */
  readonly images: (level: number) => Tensor4D;
  /** [n]: 0 for pictures without ground truth, (batch size / pictures with it) for the others. Absent: all have it. */
  readonly pairWeights?: Tensor;
  /** [n, scale*h, scale*w, 3]: the teacher's enlargement of the input. */
  readonly taught?: Tensor4D;
  /** Present for networks with a degradation code. */
  readonly degradation?: KnownDegradation;
}

export interface KnownDegradation {
  /** [n, width]: how each picture was degraded. */
  readonly codes: Tensor;
  /** [n]: 1 where the networks are given the vector, 0 where they use their own estimate. */
  readonly isGiven: Tensor;
}

interface TrainedNetworks {
  readonly primal: Network;
  readonly duals: readonly Network[];
}

interface CodeTerms {
  /** [n, 1, 1, width]: the degradation vectors that the networks are given. */
  readonly code?: Tensor4D;
  /** `codeError` of the estimate, over the pictures whose degradation is known. */
  readonly loss: Tensor;
}

/** [n, width] to [n, 1, 1, width]. */
function likeEstimate(codes: Tensor, estimate: Tensor4D): Tensor4D {
  const [count, , , width] = estimate.shape;
  return tf.reshape(codes, [count, 1, 1, width]);
}

/** Errors below this count squared. About that of a good estimate. */
const SMALL_ERROR = 0.1;

/**
 * How far `estimate` [n, 1, 1, width] is from `codes` [n, width]: the mean of Huber's loss. Absolute errors alone would teach to say 0 where
 * most pictures have 0 (no noise, no compression, no direction); squared ones alone, to hedge where a picture may well be clean.
 *
 * @param pairWeights as in `Batch`.
 */
export function codeError(estimate: Tensor4D, codes: Tensor, pairWeights?: Tensor): Tensor {
  const error = tf.abs(tf.sub(estimate, likeEstimate(codes, estimate)));
  const small = tf.sub(error, tf.relu(tf.sub(error, SMALL_ERROR)));
  const losses = tf.mul(small, tf.sub(error, tf.mul(small, 0.5)));
  const scaled = tf.div(losses, SMALL_ERROR);
  return pairWeights ? tf.mean(tf.mul(pairWeights, tf.mean(scaled, [1, 2, 3]))) : tf.mean(scaled);
}

/** Half of a batch learns from the truth, half from the estimate, so that the network trusts a code no more than it deserves. */
function codeTerms(
  { primal }: TrainedNetworks,
  parameters: Parameters,
  { images, degradation, pairWeights }: Batch,
): CodeTerms {
  if (!primal.estimate) return { loss: tf.scalar(0) };
  const estimate = primal.estimate(parameters, images(1));
  // The true degradation is unknown: the dual gets the estimate that the primal network uses.
  if (!degradation) return { code: estimate, loss: tf.scalar(0) };
  const codes = likeEstimate(degradation.codes, estimate);
  const [count] = estimate.shape;
  const isGiven = tf.reshape(degradation.isGiven, [count, 1, 1, 1]);
  const code: Tensor4D = tf.add(tf.mul(codes, isGiven), tf.mul(estimate, tf.sub(1, isGiven)));
  return { code, loss: codeError(estimate, degradation.codes, pairWeights) };
}

/**
 * The dual loss of one level. Its target is the next smaller level, which a picture without ground truth has only if
 * that is the input; otherwise its image is reduced on by the smaller levels' duals, down to the input.
 */
function dualLoss(
  { primal, duals }: TrainedNetworks,
  index: number,
  parameters: Parameters,
  srImages: readonly Tensor4D[],
  { images, pairWeights }: Batch,
  code: Tensor4D | undefined,
): Tensor {
  const from = srImages.length - duals.length + index;
  const target = outputLevels(primal.spec as NetworkSpec)[from] / duals[index].spec.scale;
  const reduced = duals[index].forward(parameters, srImages[from], code)[0];
  if (!pairWeights || target === 1) return l1(reduced, images(target));
  const chain = duals.slice(0, index).reduceRight((image, dual) => dual.forward(parameters, image, code)[0], reduced);
  const isPair = tf.step(pairWeights);
  return tf.add(l1(reduced, images(target), isPair), l1(chain, images(1), tf.sub(1, isPair)));
}

export interface Losses {
  /** Mean over the pictures with ground truth, summed over the images that the network returns. */
  readonly primal: Tensor;
  /** Mean over all pictures, summed over the duals; unweighted. */
  readonly dual: Tensor;
  /** Mean over all pictures of the distance to the teacher's images; unweighted. */
  readonly distill: Tensor;
  /** `codeError` of the estimated codes; unweighted. */
  readonly code: Tensor;
}

export function computeLosses(networks: TrainedNetworks, parameters: Parameters, batch: Batch): Losses {
  const { primal, duals } = networks;
  const { images, pairWeights, taught } = batch;
  const levels = outputLevels(primal.spec as NetworkSpec);
  const { code, loss } = codeTerms(networks, parameters, batch);
  const srImages = primal.forward(parameters, images(1), code);
  const primalTerms = srImages.map((srImage, i) => l1(srImage, images(levels[i]), pairWeights));
  const dualTerms = duals.map((_, i) => dualLoss(networks, i, parameters, srImages, batch, code));
  return {
    primal: tf.addN(primalTerms),
    dual: dualTerms.length > 0 ? tf.addN(dualTerms) : tf.scalar(0),
    distill: taught ? l1(srImages.at(-1) as Tensor4D, taught) : tf.scalar(0),
    code: loss,
  };
}
