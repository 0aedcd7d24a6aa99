/**
 * Output shape and dtype of every TF.js kernel the compiler knows. Values are never computed here.
 */
import { type Tensor, tf } from '../tf.ts';
import type { Dtype } from './program.ts';
import type { Attributes } from './tape.ts';
import { sizeOf } from './tape.ts';

export interface ValueSpec {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
}

interface KernelRule {
  /** Names of the inputs in order; `list` for kernels that take an array. */
  readonly inputs: readonly string[] | 'list';
  readonly infer: (inputs: readonly ValueSpec[], attributes: Attributes) => ValueSpec;
}

function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  return tf.broadcast_util?.assertAndGetBroadcastShape([...a], [...b]) ?? [];
}

const unary: KernelRule = { inputs: ['x'], infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }) };
const arithmetic: KernelRule = {
  inputs: ['a', 'b'],
  infer: ([a, b]) => ({ shape: broadcastShape(a.shape, b.shape), dtype: a.dtype }),
};
const comparison: KernelRule = {
  inputs: ['a', 'b'],
  infer: ([a, b]) => ({ shape: broadcastShape(a.shape, b.shape), dtype: 'bool' }),
};

/**
 * Normalises a TF.js axis attribute (undefined, null, number or list, negatives allowed) to
 * ascending axis numbers.
 */
export function axesOf(axis: unknown, rank: number): number[] {
  const list = axis === undefined || axis === null ? Array.from({ length: rank }, (_, i) => i) : [axis].flat();
  return list.map((item) => (Number(item) + rank) % rank).sort((a, b) => a - b);
}

function reduction(axisName: string): KernelRule {
  return {
    inputs: ['x'],
    infer: ([x], attributes) => {
      const axes = axesOf(attributes[axisName], x.shape.length);
      const shape = attributes['keepDims']
        ? x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim))
        : x.shape.filter((_, i) => !axes.includes(i));
      return { shape, dtype: x.dtype };
    },
  };
}

export interface ConvGeometry {
  readonly strides: readonly [number, number];
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
  readonly kernel: readonly [number, number];
  readonly outShape: readonly number[];
}

/**
 * Geometry of a Conv2D from its NHWC input shape and HWIO filter shape. Throws on dilations and
 * NCHW, which no network here uses.
 */
export function convGeometry(
  xShape: readonly number[],
  filterShape: readonly number[],
  attributes: Attributes,
): ConvGeometry {
  const {
    strides,
    pad,
    dataFormat = 'NHWC',
    dilations = [1, 1],
    dimRoundingMode,
  } = attributes as Record<string, never>;
  if (dataFormat !== 'NHWC' || [dilations].flat().some((d: number) => d !== 1)) {
    throw new Error('the compiler supports undilated NHWC convolutions only');
  }
  const info = tf.backend_util.computeConv2DInfo(
    xShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const { top, left, bottom, right } = info.padInfo;
  const regular = (size: number, kernel: number, stride: number) => Math.floor((size - kernel) / stride) + 1;
  if (
    info.outHeight !== regular(info.inHeight + top + bottom, info.filterHeight, info.strideHeight) ||
    info.outWidth !== regular(info.inWidth + left + right, info.filterWidth, info.strideWidth)
  ) {
    // TF.js computes the width from the kernel's height when the padding is one number.
    throw new Error(
      `a convolution's output size [${info.outShape}] is not what its padding gives: use 'same', 'valid' or explicit pads`,
    );
  }
  return {
    strides: [info.strideHeight, info.strideWidth],
    pads: [top, left, bottom, right],
    kernel: [info.filterHeight, info.filterWidth],
    outShape: info.outShape,
  };
}

const pad: KernelRule = {
  inputs: ['x'],
  infer: ([x], attributes) => {
    const paddings = attributes['paddings'] as [number, number][];
    return { shape: x.shape.map((dim, i) => dim + paddings[i][0] + paddings[i][1]), dtype: x.dtype };
  },
};

function reshaped(x: ValueSpec, shape: readonly number[]): ValueSpec {
  const known = shape.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
  const size = sizeOf(x.shape);
  if (shape.includes(-1) ? size % known !== 0 : size !== known) {
    throw new Error(`a value of shape [${x.shape}] cannot be reshaped to [${shape}]`);
  }
  return { shape: shape.map((dim) => (dim === -1 ? size / known : dim)), dtype: x.dtype };
}

/**
 * Begin and size per axis; TF.js passes on what its caller wrote: one number, fewer axes than the
 * value has, no size.
 */
export function sliceBounds(
  shape: readonly number[],
  { begin, size }: Attributes,
): { begin: number[]; size: number[] } {
  const x = { shape: [...shape], rank: shape.length } as unknown as Tensor;
  const [first, count] = tf.slice_util.parseSliceParams(x, begin as number[], size as number[]) as [number[], number[]];
  return { begin: first, size: count };
}

const list = (rule: KernelRule['infer']): KernelRule => ({ inputs: 'list', infer: rule });

const special: Record<string, KernelRule> = {
  Conv2D: {
    inputs: ['x', 'filter'],
    infer: ([x, filter], a) => ({ shape: convGeometry(x.shape, filter.shape, a).outShape, dtype: x.dtype }),
  },
  Conv2DBackpropInput: {
    inputs: ['dy', 'filter'],
    infer: ([dy], a) => ({ shape: a['inputShape'] as number[], dtype: dy.dtype }),
  },
  Conv2DBackpropFilter: {
    inputs: ['x', 'dy'],
    infer: ([x], a) => ({ shape: a['filterShape'] as number[], dtype: x.dtype }),
  },
  BatchMatMul: {
    inputs: ['a', 'b'],
    infer: ([a, b], { transposeA, transposeB }) => {
      const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
      const rows = a.shape.at(transposeA ? -1 : -2) as number;
      const columns = b.shape.at(transposeB ? -2 : -1) as number;
      return { shape: [...batch, rows, columns], dtype: a.dtype };
    },
  },
  Select: { inputs: ['condition', 't', 'e'], infer: ([, t]) => t },
  Cast: { inputs: ['x'], infer: ([x], a) => ({ shape: x.shape, dtype: a['dtype'] as Dtype }) },
  Reshape: { inputs: ['x'], infer: ([x], a) => reshaped(x, a['shape'] as number[]) },
  ExpandDims: {
    inputs: ['input'],
    infer: ([x], a) => {
      const shape = [...x.shape];
      const dim = a['dim'] as number;
      shape.splice(dim < 0 ? shape.length + 1 + dim : dim, 0, 1);
      return { shape, dtype: x.dtype };
    },
  },
  Transpose: {
    inputs: ['x'],
    infer: ([x], a) => ({ shape: (a['perm'] as number[]).map((axis) => x.shape[axis]), dtype: x.dtype }),
  },
  Slice: { inputs: ['x'], infer: ([x], a) => ({ shape: sliceBounds(x.shape, a).size, dtype: x.dtype }) },
  Concat: list((inputs, a) => {
    const [axis] = axesOf(a['axis'] ?? 0, inputs[0].shape.length);
    const total = inputs.reduce((sum, input) => sum + input.shape[axis], 0);
    return { shape: inputs[0].shape.map((dim, i) => (i === axis ? total : dim)), dtype: inputs[0].dtype };
  }),
  Pack: list((inputs, a) => {
    const shape = [...inputs[0].shape];
    const axis = a['axis'] as number;
    shape.splice(axis < 0 ? shape.length + 1 + axis : axis, 0, inputs.length);
    return { shape, dtype: inputs[0].dtype };
  }),
  AddN: list(([first]) => first),
  PadV2: pad,
  MirrorPad: pad,
  Fill: { inputs: [], infer: (_, a) => ({ shape: a['shape'] as number[], dtype: (a['dtype'] as Dtype) ?? 'float32' }) },
  Tile: {
    inputs: ['x'],
    infer: ([x], a) => ({ shape: x.shape.map((dim, i) => dim * (a['reps'] as number[])[i]), dtype: x.dtype }),
  },
  DepthToSpace: {
    inputs: ['x'],
    infer: ([x], a) => {
      if (a['dataFormat'] === 'NCHW') throw new Error('the compiler supports NHWC pixel shuffles only');
      const s = a['blockSize'] as number;
      const [n, h, w, c] = x.shape;
      return { shape: [n, h * s, w * s, c / (s * s)], dtype: x.dtype };
    },
  },
  Softmax: { inputs: ['logits'], infer: ([x]) => x },
  LogicalNot: { inputs: ['x'], infer: ([x]) => ({ shape: x.shape, dtype: 'bool' }) },
  Sum: reduction('axis'),
  Mean: { inputs: ['x'], infer: (inputs, a) => ({ ...reduction('axis').infer(inputs, a), dtype: 'float32' }) },
  Max: reduction('reductionIndices'),
};

const UNARY = ['Abs', 'Ceil', 'ClipByValue', 'Exp', 'Floor', 'LeakyRelu', 'Log', 'Neg', 'OnesLike', 'Reciprocal', 'Relu',
  'Rsqrt', 'Sigmoid', 'Sign', 'Sqrt', 'Square', 'Step', 'Tanh', 'ZerosLike']; // biome-ignore format: one list
const ARITHMETIC = ['Add', 'Sub', 'Multiply', 'RealDiv', 'Maximum', 'Minimum', 'Pow', 'SquaredDifference'];
const COMPARISON = ['Equal', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr', 'NotEqual'];

export const KERNEL_RULES: Readonly<Record<string, KernelRule>> = {
  ...special,
  ...Object.fromEntries(UNARY.map((name) => [name, unary])),
  ...Object.fromEntries(ARITHMETIC.map((name) => [name, arithmetic])),
  ...Object.fromEntries(COMPARISON.map((name) => [name, comparison])),
};
