/** Uses of the element-wise kernels. */
import type { TensorData } from '../../../src/core/graph/program.ts';
import { type Tensor, tf } from '../../../src/core/tf.ts';
import {
  bool,
  floats,
  formsOf,
  held,
  int32,
  overForms,
  type Situation,
  uniform,
  whole,
} from '../../helpers/programs.ts';

const IMAGE = [2, 3, 4, 5];
/** Shapes an image can be combined with, and rank 0 to 3 among themselves. */
const PARTNERS = [
  [],
  [1],
  [5],
  [4, 5],
  [4, 1],
  [3, 4, 5],
  [3, 1, 1],
  [2, 1, 1, 5],
  [1, 3, 4, 1],
  [1, 1, 4, 5],
  [2, 3, 4, 1],
];
const PAIRS = [[[], []], [[], [3]], [[3], [2, 3]], [[2, 1], [1, 3]], [[4, 1, 3], [2, 3]], [[1, 2, 3], [4, 1, 1]], [[2, 1, 2, 3], [4, 1, 3]]]; // biome-ignore format: a table

type Values = (shape: readonly number[]) => TensorData;
const positive: Values = (shape) => uniform(shape, 0.2, 2);
const awayFromZero: Values = (shape) => ({
  ...uniform(shape),
  data: uniform(shape).data.map((x) => x + Math.sign(x)) as Float32Array,
});

function pairwise(
  kernel: (a: Tensor, b: Tensor) => Tensor,
  values: Values = uniform,
  right: Values = values,
): Situation[] {
  const forms = formsOf(IMAGE, values);
  const rightForms = formsOf(IMAGE, right);
  const amongForms = forms.flatMap((a) =>
    rightForms.map((b) => ({
      what: `${a.what} with ${b.what}`,
      inputs: [a.input, b.input],
      run: (x: Tensor, y: Tensor) => kernel(a.make(x), b.make(y)),
    })),
  );
  const withPartners = PARTNERS.flatMap((shape) => [
    {
      what: `held with [${shape}]`,
      inputs: [values(IMAGE), right(shape)],
      run: (x: Tensor, y: Tensor) => kernel(held(x), y),
    },
    {
      what: `[${shape}] with held`,
      inputs: [values(shape), right(IMAGE)],
      run: (x: Tensor, y: Tensor) => kernel(x, held(y)),
    },
  ]);
  const lowRank = PAIRS.flatMap(
    ([one = [], two = []]) =>
    [[one, two], [two, one]].map(([a = [], b = []]) => ({
      what: `[${a}] with [${b}]`,
      inputs: [values(a), right(b)],
      run: kernel,
    })), // biome-ignore format: short
  );
  const rank5 = [
    {
      what: 'held with rank 5',
      inputs: [values(IMAGE), right([2, 1, 1, 1, 5])],
      run: (x: Tensor, y: Tensor) => kernel(held(x), y),
    },
    {
      what: 'rank 5 with held',
      inputs: [values([2, 1, 1, 1, 5]), right(IMAGE)],
      run: (x: Tensor, y: Tensor) => kernel(x, held(y)),
    },
  ];
  return [...amongForms, ...withPartners, ...lowRank, ...rank5] as Situation[];
}

function pointwise(kernel: (x: Tensor) => Tensor, values: Values = uniform): Situation[] {
  const ranks = [[], [3], [2, 3], [2, 3, 4], [2, 1, 2, 1, 3]];
  return [
    ...ranks.map((shape) => ({ what: `of [${shape}]`, inputs: [values(shape)], run: kernel })),
    ...overForms('value', IMAGE, kernel, values),
    ...overForms('one channel', [2, 3, 4, 1], kernel, values),
    ...overForms('one pixel', [2, 1, 1, 5], kernel, values),
  ];
}

const truth = (kernel: (a: Tensor, b: Tensor) => Tensor) =>
  pairwise((a, b) => kernel(tf.greater(a, 0), tf.greater(b, 0)), whole);

const selects = formsOf(IMAGE, whole).flatMap((condition) =>
  formsOf(IMAGE).map(
    (branch): Situation => ({
      what: `where ${condition.what} take ${branch.what}`,
      inputs: [condition.input, branch.input, uniform(IMAGE)],
      run: (c, t, e) => {
        const mask = tf.greater(condition.make(c as Tensor), 0);
        const other = held(e as Tensor);
        return tf.add(tf.where(mask, branch.make(t as Tensor), other), tf.where(mask, other, branch.make(t as Tensor)));
      },
    }),
  ),
);

/** Zero, both signs, the smallest and the largest normal numbers. */
const EXTREMES = floats([0, -0, 1, -1, 1e-30, -1e-30, 1.2e-38, -1.2e-38, 3e38, -3e38, 0.5, -0.5]);

const steps = [0, -1, 0.2].flatMap((alpha): Situation[] => [
  { what: `extremes, alpha ${alpha}`, inputs: [EXTREMES], run: (x) => tf.step(x as Tensor, alpha) },
  ...overForms(`alpha ${alpha}`, IMAGE, (x) => tf.step(x, alpha), whole),
]);

const casts = (['float32', 'int32', 'bool'] as const).flatMap((dtype): Situation[] => [
  { what: `int32 to ${dtype}`, inputs: [int32([3, 4])], run: (x) => tf.cast(x as Tensor, dtype) },
  { what: `bool to ${dtype}`, inputs: [bool([3, 4])], run: (x) => tf.cast(x as Tensor, dtype) },
  {
    what: `fractions to ${dtype}`,
    inputs: [floats([1.7, -1.7, 0.4, -0.4, 0])],
    run: (x) => tf.cast(x as Tensor, dtype),
  },
  ...overForms(`to ${dtype}`, IMAGE, (x) => tf.cast(x, dtype), whole),
]);

const integers: Situation[] = [
  { what: 'int32 sum', inputs: [int32([2, 3]), int32([3])], run: (a, b) => tf.add(a as Tensor, b as Tensor) },
  { what: 'int32 step', inputs: [int32([2, 3])], run: (x) => tf.step(x as Tensor) },
  { what: 'int32 step down', inputs: [int32([2, 3])], run: (x) => tf.step(x as Tensor, -1) },
  { what: 'int32 clip', inputs: [int32([2, 3])], run: (x) => tf.clipByValue(x as Tensor, -1, 1) },
  { what: 'int32 mean', inputs: [int32([2, 3])], run: (x) => tf.mean(x as Tensor, 0) },
  { what: 'int32 sum over an axis', inputs: [int32([2, 3])], run: (x) => tf.sum(x as Tensor, 0) },
  { what: 'int32 maximum', inputs: [int32([2, 3])], run: (x) => tf.max(x as Tensor, 0) },
  { what: 'count of true', inputs: [bool([2, 3])], run: (x) => tf.sum(x as Tensor, 0) },
  {
    what: 'int32 where',
    inputs: [int32([2, 3])],
    run: (x) => tf.where(tf.greater(x as Tensor, 0), x as Tensor, tf.scalar(7, 'int32')),
  },
  {
    what: 'int32 pad and tile',
    inputs: [int32([2, 3])],
    run: (x) =>
      tf.tile(
        tf.pad(
          x as Tensor,
          [
            [1, 0],
            [0, 2],
          ],
          3,
        ),
        [2, 1],
      ),
  },
  { what: 'int32 and float', inputs: [int32([2, 3]), uniform([3])], run: (a, b) => tf.add(a as Tensor, b as Tensor) },
];

export const ELEMENTWISE_CASES: Readonly<Record<string, readonly Situation[]>> = {
  Add: [...pairwise(tf.add), ...integers],
  Sub: pairwise(tf.sub),
  Multiply: pairwise(tf.mul),
  RealDiv: pairwise(tf.div, uniform, awayFromZero),
  Maximum: pairwise(tf.maximum),
  Minimum: pairwise(tf.minimum),
  Pow: pairwise(tf.pow, positive),
  SquaredDifference: pairwise(tf.squaredDifference),
  AddN: formsOf(IMAGE).map((form) => ({
    what: `three, one ${form.what}`,
    inputs: [form.input, uniform(IMAGE), uniform(IMAGE)],
    run: (a: Tensor, b: Tensor, c: Tensor) => tf.addN([b, form.make(a), held(c)]),
  })) as Situation[],
  Greater: pairwise(tf.greater, whole),
  GreaterEqual: pairwise(tf.greaterEqual, whole),
  Less: pairwise(tf.less, whole),
  LessEqual: pairwise(tf.lessEqual, whole),
  Equal: pairwise(tf.equal, whole),
  NotEqual: pairwise(tf.notEqual, whole),
  LogicalAnd: truth(tf.logicalAnd),
  LogicalOr: truth(tf.logicalOr),
  LogicalNot: pointwise((x) => tf.logicalNot(tf.greater(x, 0)), whole),
  Select: selects,
  Cast: casts,
  Step: steps,
  ClipByValue: pointwise((x) => tf.clipByValue(x, -0.5, 1)),
  LeakyRelu: pointwise((x) => tf.leakyRelu(x, 0.2)),
  Abs: pointwise(tf.abs),
  Ceil: pointwise(tf.ceil),
  Exp: pointwise(tf.exp),
  Floor: pointwise(tf.floor),
  Log: pointwise(tf.log, positive),
  Neg: pointwise(tf.neg),
  Reciprocal: pointwise(tf.reciprocal, awayFromZero),
  Relu: pointwise(tf.relu),
  Rsqrt: pointwise(tf.rsqrt, positive),
  Sigmoid: pointwise(tf.sigmoid),
  Sign: pointwise(tf.sign, whole),
  Sqrt: pointwise(tf.sqrt, positive),
  Square: pointwise(tf.square),
  Tanh: pointwise(tf.tanh),
  ZerosLike: pointwise((x) => tf.add(tf.zerosLike(x), x)),
  OnesLike: pointwise((x) => tf.sub(tf.onesLike(x), x)),
  Fill: [
    { what: 'alone', inputs: [], run: () => tf.fill([2, 3], 0.25) },
    { what: 'in a sum', inputs: [uniform(IMAGE)], run: (x) => tf.add(tf.fill(IMAGE, 0.25), held(x as Tensor)) },
  ],
};
