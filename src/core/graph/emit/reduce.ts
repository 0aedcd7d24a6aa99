/** Sums, means, maxima, matrix products and softmax. */

import { axesOf } from '../infer.ts';
import type { OnnxAttribute } from '../onnx-model.ts';
import { sizeOf } from '../tape.ts';
import { type EmitRule, type Emitter, type Held, NHWC_TO_NCHW, nchwShape } from './emitter.ts';

type Reduction = 'ReduceSum' | 'ReduceMean' | 'ReduceMax';

interface Reduced {
  /** Of the value as it is stored, ascending. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

function reduce(emitter: Emitter, op: Reduction, name: string, { axes, keepDims }: Reduced): string {
  const keepdims: OnnxAttribute = { int: keepDims ? 1 : 0 };
  // Opset 17 takes the axes of ReduceSum as an input, those of the others as an attribute.
  return op === 'ReduceSum'
    ? emitter.node(op, [name, emitter.int64(axes)], { keepdims })
    : emitter.node(op, [name], { axes: { ints: axes }, keepdims });
}

/**
 * A GPU's provider gives all that ends in one number to one group of threads: above this many
 * values that takes longer than two steps.
 */
const LONG_REDUCTION = 4096;
/** How many values the first of two steps brings together, at least. */
const PART = 64;
const VECTOR_PART = 256;

/**
 * On `webgpu` a long reduction is made in two steps, the first of which has many results and so
 * keeps the device busy.
 */
function reduceInParts(emitter: Emitter, op: Reduction, x: Held, { axes, keepDims }: Reduced): string {
  const stored = x.layout === 'nchw' ? nchwShape(x.shape) : x.shape;
  const isLong = sizeOf(axes.map((axis) => stored[axis])) > LONG_REDUCTION;
  if (emitter.target !== 'webgpu' || !isLong) return reduce(emitter, op, x.name, { axes, keepDims });
  if (stored.length === 1)
    return op === 'ReduceSum'
      ? sumVector(emitter, x.name, stored[0], keepDims)
      : reduce(emitter, op, x.name, { axes, keepDims });
  let first = axes.length;
  do first -= 1;
  while (first > 0 && sizeOf(axes.slice(first).map((axis) => stored[axis])) < PART);
  const part = reduce(emitter, op, x.name, { axes: axes.slice(first), keepDims: true });
  return first === 0 && keepDims ? part : reduce(emitter, op, part, { axes, keepDims });
}

function sumVector(emitter: Emitter, name: string, length: number, keepDims: boolean): string {
  const missing = (VECTOR_PART - (length % VECTOR_PART)) % VECTOR_PART;
  const padded = missing > 0 ? emitter.node('Pad', [name, emitter.int64([0, missing])]) : name;
  const rows = emitter.node('Reshape', [padded, emitter.int64([(length + missing) / VECTOR_PART, VECTOR_PART])]);
  const sums = reduce(emitter, 'ReduceSum', rows, { axes: [1], keepDims: false });
  return reduce(emitter, 'ReduceSum', sums, { axes: [0], keepDims });
}

const reduction =
  (op: Reduction, axisName: string): EmitRule =>
  (emitter, [value], node, [shape]) => {
    const axes = axesOf(node.attributes[axisName], value.shape.length);
    if (axes.length === 0) return value;
    const keepDims = Boolean(node.attributes['keepDims']);
    const full = emitter.full(value);
    // Without keepDims the remaining axes must come out in program order: free when at most one
    // remains.
    const x = keepDims || full.shape.length - axes.length <= 1 ? full : emitter.plain(full);
    const storedAxes =
      x.layout === 'nchw' ? axes.map((axis) => NHWC_TO_NCHW.indexOf(axis as 0)).sort((a, b) => a - b) : axes;
    const name = reduceInParts(emitter, op, x, { axes: storedAxes, keepDims });
    return { name, shape, stored: shape, layout: keepDims ? x.layout : 'plain', dtype: x.dtype };
  };

const matMul: EmitRule = (emitter, [a, b], node, [shape]) => {
  const transA = { int: node.attributes['transposeA'] ? 1 : 0 };
  const transB = { int: node.attributes['transposeB'] ? 1 : 0 };
  const names = [emitter.plain(a).name, emitter.plain(b).name];
  const fused = transA.int + transB.int > 0;
  const name = fused
    ? emitter.node('FusedMatMul', names, { transA, transB }, 'com.microsoft')
    : emitter.node('MatMul', names);
  return { name, shape, stored: shape, layout: 'plain', dtype: a.dtype };
};

const softmax: EmitRule = (emitter, [x], _node, [shape]) => {
  const name = emitter.node('Softmax', [emitter.plain(x).name], { axis: { int: -1 } });
  return { name, shape, stored: shape, layout: 'plain', dtype: x.dtype };
};

export const REDUCE: Readonly<Record<string, EmitRule>> = {
  Sum: (emitter, [x], node, shapes) => {
    // A sum over a value whose broadcasting was put off, down to one number, is a product with the
    // repeat count.
    if (x.splat !== undefined && sizeOf(shapes[0]) === 1) {
      return emitter.splat(Math.fround(x.splat * sizeOf(x.shape)), shapes[0], x.dtype);
    }
    return reduction('ReduceSum', 'axis')(emitter, [x], node, shapes);
  },
  Mean: (emitter, [x], node, shapes) => {
    const float: Held = x.dtype === 'float32' ? x : { ...x, name: emitter.cast(x.name, 'float32'), dtype: 'float32' };
    return reduction('ReduceMean', 'axis')(emitter, [float], node, shapes);
  },
  Max: reduction('ReduceMax', 'reductionIndices'),
  BatchMatMul: matMul,
  Softmax: softmax,
};
