/** Uses of the kernels that move values, and of reductions and products. */
import { pixelShuffle, pixelUnshuffle } from '../../../src/core/network/layers.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import { formsOf, held, overForms, type Situation, uniform } from '../../helpers/programs.ts';

const IMAGE = [2, 3, 4, 5];
const RANKS = [[4], [3, 4], [2, 3, 4], [2, 3, 1, 2, 2]];

const lowRanks = (what: string, kernel: (x: Tensor) => Tensor): Situation[] =>
  RANKS.map((shape) => ({ what: `${what} of [${shape}]`, inputs: [uniform(shape)], run: kernel }));

const reshapes = [[120], [6, 20], [2, 60], [4, 3, 10], [5, 4, 3, 2], [1, 2, 3, 4, 5], [2, 3, 4, 5]].flatMap((shape) =>
  overForms(`to [${shape}]`, IMAGE, (x) => tf.reshape(x, shape)),
);

const transposes = [
  [0, 3, 1, 2],
  [0, 2, 3, 1],
  [3, 2, 1, 0],
  [0, 1, 2, 3],
  [1, 0, 2, 3],
].flatMap((perm) => overForms(`by [${perm}]`, IMAGE, (x) => tf.transpose(x, perm)));

const slices: Situation[] = [
  ...[[[0, 1, 0, 2], [2, 2, 4, 1]], [[1, 0, 1, 0], [-1, -1, 2, -1]], [[0, 0, 0, 4], [2, 3, 4, 1]], [[0, 0, 0, 0], [2, 3, 4, 5]]].flatMap(
    ([begin = [], size = []]) => overForms(`[${begin}] size [${size}]`, IMAGE, (x) => tf.slice(x, begin, size)),
  ), // biome-ignore format: a table
  { what: 'from an offset to the end', inputs: [uniform([5, 2])], run: (x) => tf.slice(x as Tensor, [2]) },
  { what: 'by one number', inputs: [uniform([5, 2])], run: (x) => tf.slice(x as Tensor, 1, 2) },
  { what: 'first axis only, held', inputs: [uniform(IMAGE)], run: (x) => tf.slice(held(x as Tensor), [1], [1]) },
  { what: 'flat vector', inputs: [uniform([9])], run: (x) => tf.slice1d(x as never, 3, 4) },
  ...[0, 1, 2, 3, -1].map(
    (axis): Situation => ({
      what: `split along ${axis}`,
      inputs: [uniform([2, 4, 6, 8])],
      run: (x) => {
        const [a, b] = tf.split(held(x as Tensor), 2, axis) as [Tensor, Tensor];
        return tf.sub(a, b);
      },
    }),
  ),
  {
    what: 'split in unequal parts',
    inputs: [uniform([2, 7])],
    run: (x) => {
      const [a, b, c] = tf.split(x as Tensor, [2, 4, 1], 1) as [Tensor, Tensor, Tensor];
      return tf.concat([c, a, b], 1);
    },
  },
  {
    what: 'unstack',
    inputs: [uniform([3, 4, 5])],
    run: (x) => {
      const [a, b, c] = tf.unstack(x as Tensor, 0) as [Tensor, Tensor, Tensor];
      return tf.sub(tf.mul(a, b), c);
    },
  },
];

const concats = [0, 1, 2, 3, -1].flatMap((axis) =>
  formsOf(IMAGE).map(
    (form): Situation => ({
      what: `plain, held and ${form.what} along ${axis}`,
      inputs: [uniform(IMAGE), uniform(IMAGE), form.input],
      run: (a, b, c) => tf.concat([a as Tensor, held(b as Tensor), form.make(c as Tensor)], axis),
    }),
  ),
);

const packs: Situation[] = [0, 1, 4, -1, -2].flatMap((axis) =>
  overForms(`along ${axis}`, IMAGE, (x) => tf.stack([x, tf.neg(x)], axis)),
);

const PADDINGS: [number, number][][] = [
  [[0, 0], [1, 2], [3, 0], [0, 0]],
  [[1, 0], [0, 0], [0, 0], [2, 1]],
  [[0, 0], [0, 0], [0, 0], [0, 0]],
]; // biome-ignore format: a table

const pads = PADDINGS.flatMap((padding) => [
  ...overForms(`[${padding}]`, IMAGE, (x) => tf.pad(x, padding)),
  ...overForms(`[${padding}] with 1.5`, IMAGE, (x) => tf.pad(x, padding, 1.5)),
]);

const mirrored = (width: number, mode: 'reflect' | 'symmetric') =>
  overForms(`${mode} ${width}`, IMAGE, (x) => tf.mirrorPad(x, [[0, 0], [width, 0], [width, width], [0, 0]], mode)); // biome-ignore format: short

/** Every set of axes of a rank-4 value, as bits. */
const AXES = Array.from({ length: 16 }, (_, bits) => [0, 1, 2, 3].filter((axis) => bits & (1 << axis)));

function reductions(kernel: (x: Tensor, axis?: number | number[], keepDims?: boolean) => Tensor): Situation[] {
  const overAxes = AXES.flatMap((axes) =>
    [true, false].flatMap((keep) => [
      ...overForms(`axes [${axes}]${keep ? ' kept' : ''}`, IMAGE, (x) => kernel(x, axes, keep)),
      {
        what: `axes [${axes}] then conv`,
        inputs: [uniform(IMAGE)],
        run: (x: Tensor) => held(kernel(held(x), axes, true)),
      },
    ]),
  );
  return [
    ...(overAxes as Situation[]),
    ...lowRanks('all', (x) => kernel(x)),
    ...lowRanks('last', (x) => kernel(x, -1)),
    { what: 'scalar', inputs: [uniform([])], run: (x) => kernel(x as Tensor) },
  ];
}

const products: Situation[] = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB) =>
    [[], [2], [2, 3]].map(
      (batch): Situation => ({
        what: `batch [${batch}]${transposeA ? ' A turned' : ''}${transposeB ? ' B turned' : ''}`,
        inputs: [
          uniform([...batch, ...(transposeA ? [5, 4] : [4, 5])]),
          uniform([...batch, ...(transposeB ? [6, 5] : [5, 6])]),
        ],
        run: (a, b) => tf.matMul(a as Tensor, b as Tensor, transposeA, transposeB),
      }),
    ),
  ),
);

const broadcastProducts: Situation[] = [
  {
    what: 'batch 1 with 3',
    inputs: [uniform([1, 4, 5]), uniform([3, 5, 2])],
    run: (a, b) => tf.matMul(a as Tensor, b as Tensor),
  },
  {
    what: 'batch 3 with 1, A turned',
    inputs: [uniform([3, 5, 4]), uniform([1, 5, 2])],
    run: (a, b) => tf.matMul(a as Tensor, b as Tensor, true),
  },
  {
    what: 'held images',
    inputs: [uniform(IMAGE), uniform(IMAGE)],
    run: (a, b) => tf.matMul(held(a as Tensor), held(b as Tensor), false, true),
  },
  {
    what: 'spread with held',
    inputs: [uniform([5]), uniform(IMAGE)],
    run: (a, b) => tf.matMul(tf.mul(a as Tensor, tf.ones(IMAGE)), held(b as Tensor), true),
  },
];

export const SHAPE_CASES: Readonly<Record<string, readonly Situation[]>> = {
  Reshape: [
    ...reshapes,
    { what: 'to a scalar', inputs: [uniform([1, 1])], run: (x) => tf.reshape(x as Tensor, []) },
    { what: 'from a scalar', inputs: [uniform([])], run: (x) => tf.reshape(x as Tensor, [1, 1, 1, 1]) },
  ],
  ExpandDims: [0, 2, 4, -1].flatMap((axis) => overForms(`at ${axis}`, IMAGE, (x) => tf.expandDims(x, axis))),
  Transpose: [...transposes, ...lowRanks('reversed', (x) => tf.transpose(x))],
  Slice: slices,
  Concat: concats,
  Pack: packs,
  PadV2: [
    ...pads,
    ...lowRanks('by one', (x) =>
      tf.pad(
        x,
        x.shape.map((): [number, number] => [1, 2]),
      ),
    ),
  ],
  MirrorPad: [...mirrored(1, 'symmetric'), ...mirrored(1, 'reflect'), ...mirrored(2, 'reflect')],
  Tile: [
    ...[
      [1, 1, 1, 4],
      [2, 1, 3, 1],
      [1, 1, 1, 1],
      [3, 2, 1, 2],
    ].flatMap((reps) => overForms(`by [${reps}]`, IMAGE, (x) => tf.tile(x, reps))),
    ...lowRanks('twice', (x) =>
      tf.tile(
        x,
        x.shape.map(() => 2),
      ),
    ),
    { what: 'broadcastTo', inputs: [uniform([3, 1, 5])], run: (x) => tf.broadcastTo(x as Tensor, [2, 3, 4, 5]) },
  ],
  DepthToSpace: [2, 3].flatMap((s) =>
    overForms(`by ${s}`, [2, 3, 4, s * s * 2], (x) => pixelShuffle(x as Tensor4D, s)),
  ),
  SpaceToDepth: [2, 3].flatMap((s) =>
    overForms(`by ${s}`, [2, 2 * s, 3 * s, 2], (x) => pixelUnshuffle(x as Tensor4D, s)),
  ),
};

export const REDUCE_CASES: Readonly<Record<string, readonly Situation[]>> = {
  Sum: reductions(tf.sum),
  Mean: reductions(tf.mean),
  Max: reductions(tf.max),
  BatchMatMul: [...products, ...broadcastProducts],
  Softmax: [...overForms('last axis', IMAGE, (x) => tf.softmax(x)), ...lowRanks('last axis', (x) => tf.softmax(x))],
};
