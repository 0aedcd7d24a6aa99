/**
 * Estimates a degradation vector from the small picture alone, from its colours and its Laplacian:
 * blur, noise and compression show in the fine detail, which next to the colours is too faint to be
 * learnt from (dev/LOG.md). Six convolutions down to a quarter of its resolution give, at each
 * place, an estimate of every entry and how much that place has to say about it (a flat sky shows
 * noise but no blur); the picture's vector is the mean of the estimates by those weights.
 */
import type { Tensor4D } from '../tf.ts';
import { tf } from '../tf.ts';
import { conv, convParameters } from './layers.ts';
import type { Parameters } from './network.ts';
import type { ConditioningSpec, ConvLayer, ParameterSpec } from './spec.ts';

const MID_GRAY = 0.5;
/** Keeps a picture that says nothing at all from dividing by zero. */
const MIN_WEIGHT = 1e-3;
/** Brings the Laplacian of a usual picture to about the size of its colours. */
const DETAIL_GAIN = 16;
/**
 * He's initialisation, U(-sqrt(6 / fanIn), sqrt(6 / fanIn)): with PyTorch's, signals fade to a
 * hundredth on their way through six ReLUs.
 */
const HE = 6;

/** What the names of its parameters begin with. */
export const ESTIMATOR = 'estimator.';

interface Estimator {
  readonly layers: readonly ConvLayer[];
  readonly parameters: readonly ParameterSpec[];
  /** [N, H, W, 3] in 0..1 to [N, 1, 1, width]. */
  estimate(parameters: Parameters, image: Tensor4D): Tensor4D;
}

/**
 * [N, H, W, 3] around 0 to [N, H, W, 6]: the picture, and by how much each pixel differs from its
 * four neighbours.
 */
export function withDetail(image: Tensor4D): Tensor4D {
  const [up, middle] = [-DETAIL_GAIN, 4 * DETAIL_GAIN];
  const laplacian = [0, up, 0, up, middle, up, 0, up, 0];
  const filter = tf.tensor4d(
    laplacian.flatMap((value) => [value, 0, 0, 0, value, 0, 0, 0, value]),
    [3, 3, 3, 3],
  );
  const pad: [number, number][] = [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ];
  return tf.concat([image, tf.conv2d(tf.mirrorPad(image, pad, 'symmetric'), filter, 1, 'valid')], 3);
}

function heParameters(layers: readonly ConvLayer[]): ParameterSpec[] {
  return convParameters(layers).map((parameter) => ({ ...parameter, fanIn: parameter.fanIn / HE }));
}

export function createEstimator({ width, estimator: [full, half, quarter] }: ConditioningSpec): Estimator {
  const layer = (
    name: string,
    inChannels: number,
    outChannels: number,
    level: number,
    stride: 1 | 2 = 1,
  ): ConvLayer => ({
    name: `${ESTIMATOR}${name}`,
    kernel: 3,
    inChannels,
    outChannels,
    stride,
    positionsPerLrPixel: 1 / 4 ** level,
  });
  const body = [
    layer('0', 6, full, 0),
    layer('1', full, half, 1, 2),
    layer('2', half, half, 1),
    layer('3', half, quarter, 2, 2),
    layer('4', quarter, quarter, 2),
    layer('5', quarter, quarter, 2),
  ];
  const entries = { ...layer('guess', quarter, width, 2), kernel: 1 };
  const weight = { ...layer('weight', quarter, width, 2), kernel: 1 };
  return {
    layers: [...body, entries, weight],
    parameters: [...heParameters(body), ...convParameters([entries, weight])],
    estimate(parameters, image) {
      const start = withDetail(tf.sub(image, MID_GRAY));
      const features = body.reduce((x, part) => tf.relu(conv(parameters, part, x)), start);
      const weights = tf.add(tf.sigmoid(conv(parameters, weight, features)), MIN_WEIGHT);
      const estimates = conv(parameters, entries, features);
      const total = tf.mean(tf.mul(estimates, weights), [1, 2], true);
      return tf.div(total, tf.mean(weights, [1, 2], true));
    },
  };
}
