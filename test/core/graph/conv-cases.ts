/** Uses of convolution and of the two gradients TF.js derives from it. */
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import { held, type Situation, uniform } from '../../helpers/programs.ts';

interface Geometry {
  readonly image: readonly [number, number, number, number];
  readonly kernel: readonly [number, number];
  readonly outChannels: number;
  readonly stride: number | [number, number];
  readonly pad: 'same' | 'valid' | number;
}

const KERNELS = [
  [1, 1],
  [3, 3],
  [5, 5],
  [3, 5],
  [2, 2],
  [1, 3],
] as const;

/** One number pads square kernels only: TF.js computes the width from the kernel's height. */
const padsFor = ([height, width]: readonly [number, number], stride: Geometry['stride']): Geometry['pad'][] =>
  height === width && typeof stride === 'number' ? ['same', 'valid', 0, 1, 2] : ['same', 'valid'];

/** Odd and even sizes, non-square, one image and several, one channel and many. */
const GEOMETRIES: Geometry[] = KERNELS.flatMap((kernel) =>
  [1, 2, [2, 1] as [number, number]].flatMap((stride) =>
    padsFor(kernel, stride).flatMap((pad) => [
      { image: [2, 7, 6, 3], kernel, outChannels: 4, stride, pad } as const,
      { image: [1, 6, 9, 17], kernel, outChannels: 2, stride, pad } as const,
      { image: [3, 5, 5, 1], kernel, outChannels: 1, stride, pad } as const,
    ]),
  ),
);

const describe = ({ image, kernel, stride, pad }: Geometry) => `[${image}] ${kernel} stride ${stride} pad ${pad}`;
const filterOf = ({ image, kernel, outChannels }: Geometry) => uniform([...kernel, image[3], outChannels], -0.05, 0.05);
const conv = ({ stride, pad }: Geometry, x: Tensor, filter: Tensor) =>
  tf.conv2d(x as Tensor4D, filter as Tensor4D, stride, pad);

/** A gradient with an arbitrary dy: that of sum(conv * weights). */
function gradient(geometry: Geometry, of: 'x' | 'filter', hold: boolean): Situation {
  const { outChannels, image } = geometry;
  const weights = uniform([outChannels]);
  return {
    what: `${describe(geometry)}${hold ? ' held' : ''}`,
    inputs: [uniform(image), filterOf(geometry)],
    run: (x, filter) => {
      const loss = (value: Tensor, w: Tensor) => {
        const y = conv(geometry, hold ? held(value) : value, w);
        return tf.sum(tf.mul(tf.square(y), tf.tensor(weights.data, [outChannels]))) as never;
      };
      const [dx, dw] = tf.grads(loss as never)([x as Tensor, filter as Tensor]) as [Tensor, Tensor];
      return of === 'x' ? dx : dw;
    },
  };
}

const forward: Situation[] = GEOMETRIES.map((geometry) => ({
  what: describe(geometry),
  inputs: [uniform(geometry.image), filterOf(geometry)],
  run: (x, filter) => conv(geometry, x as Tensor, filter as Tensor),
}));

const others: Situation[] = [
  {
    what: 'explicit pads',
    inputs: [uniform([1, 5, 6, 2]), uniform([3, 3, 2, 3])],
    run: (x, f) => tf.conv2d(x as Tensor4D, f as Tensor4D, 1, [[0, 0], [0, 2], [1, 3], [0, 0]]), // biome-ignore format: short
  },
  {
    what: 'filter that was computed',
    inputs: [uniform([1, 6, 6, 3]), uniform([2, 1, 1, 3]), uniform([3])],
    run: (x, a, scale) => {
      const filter = tf.reshape(tf.mul(held(a as Tensor), scale as Tensor), [1, 1, 3, 2]);
      return tf.conv2d(x as Tensor4D, filter as Tensor4D, 1, 'same');
    },
  },
  {
    what: 'filter of one splat',
    inputs: [uniform([1, 6, 6, 3])],
    run: (x) => tf.conv2d(x as Tensor4D, tf.fill([3, 3, 3, 2], 0.5) as Tensor4D, 1, 'same'),
  },
  {
    what: 'image of one splat and spread bias',
    inputs: [uniform([])],
    run: (x) =>
      tf.add(
        tf.conv2d(tf.ones([1, 5, 5, 3]) as Tensor4D, tf.fill([3, 3, 3, 2], 0.5) as Tensor4D, 1, 'same'),
        tf.mul(x as Tensor, tf.ones([2])),
      ),
  },
  {
    what: 'one dimension',
    inputs: [uniform([2, 9, 3]), uniform([3, 3, 4])],
    run: (x, f) => tf.conv1d(x as never, f as never, 1, 'same'),
  },
];

const transposed: Situation[] = [1, 2].map((stride) => ({
  what: `conv2dTranspose stride ${stride}`,
  inputs: [uniform([2, 4, 5, 3]), uniform([3, 3, 2, 3])],
  run: (x, f) => tf.conv2dTranspose(x as Tensor4D, f as Tensor4D, [2, 4 * stride, 5 * stride, 2], stride, 'same'),
}));

export const CONV_CASES: Readonly<Record<string, readonly Situation[]>> = {
  Conv2D: [...forward, ...others],
  Conv2DBackpropInput: [...GEOMETRIES.map((geometry, i) => gradient(geometry, 'x', i % 2 === 0)), ...transposed],
  Conv2DBackpropFilter: GEOMETRIES.map((geometry, i) => gradient(geometry, 'filter', i % 2 === 1)),
};
