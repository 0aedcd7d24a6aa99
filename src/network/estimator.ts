/**
 * Guesses a degradation code from the small picture alone. Six convolutions down to a quarter of its resolution give, at
 * each place, a guess for every entry and how much that place has to say about it (a flat sky shows noise but no blur);
 * the picture's code is the mean of the guesses by those weights.
 */
import type { Tensor4D } from '../tf.ts';
import { tf } from '../tf.ts';
import { conv } from './layers.ts';
import type { CodeSpec, ConvLayer, Parameters } from './network.ts';

const MID_GRAY = 0.5;
/** Keeps a picture that says nothing at all from dividing by zero. */
const LEAST_WEIGHT = 1e-3;

interface Estimator {
  readonly layers: readonly ConvLayer[];
  /** [N, H, W, 3] in 0..1 to [N, 1, 1, width]. */
  estimate(parameters: Parameters, image: Tensor4D): Tensor4D;
}

export function createEstimator({ width, estimator: [full, half, quarter] }: CodeSpec): Estimator {
  const layer = (
    name: string,
    inChannels: number,
    outChannels: number,
    level: number,
    stride: 1 | 2 = 1,
  ): ConvLayer => ({
    ...{ name: `estimator.${name}`, kernel: 3, inChannels, outChannels, stride },
    positionsPerLrPixel: 1 / 4 ** level,
  });
  const body = [
    layer('0', 3, full, 0),
    layer('1', full, half, 1, 2),
    layer('2', half, half, 1),
    layer('3', half, quarter, 2, 2),
    layer('4', quarter, quarter, 2),
    layer('5', quarter, quarter, 2),
  ];
  const guess = { ...layer('guess', quarter, width, 2), kernel: 1 };
  const weight = { ...layer('weight', quarter, width, 2), kernel: 1 };
  return {
    layers: [...body, guess, weight],
    estimate(parameters, image) {
      const start: Tensor4D = tf.sub(image, MID_GRAY);
      const features = body.reduce((x, part) => tf.relu(conv(parameters, part, x)), start);
      const weights = tf.add(tf.sigmoid(conv(parameters, weight, features)), LEAST_WEIGHT);
      const guesses = conv(parameters, guess, features);
      const total = tf.mean(tf.mul(guesses, weights), [1, 2], true);
      return tf.div(total, tf.mean(weights, [1, 2], true));
    },
  };
}
