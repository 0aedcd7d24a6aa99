/** Sums, means, maxima, matrix products and softmax. */

import { axesOf } from '../infer.ts';
import type { OnnxAttribute } from '../onnx-model.ts';
import { sizeOf } from '../tape.ts';
import type { Held } from './emitter.ts';
import { NHWC_TO_NCHW } from './emitter.ts';
import type { EmitRule } from './rules.ts';

const reduction =
  (op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax', axisName: string): EmitRule =>
  (emitter, [value], node, [shape]) => {
    const axes = axesOf(node.attributes[axisName], value.shape.length);
    if (axes.length === 0) return value;
    const keepDims = Boolean(node.attributes['keepDims']);
    const full = emitter.full(value);
    // Without keepDims the remaining axes must come out in program order: free when at most one remains.
    const x = keepDims || full.shape.length - axes.length <= 1 ? full : emitter.plain(full);
    const storedAxes =
      x.layout === 'nchw' ? axes.map((axis) => NHWC_TO_NCHW.indexOf(axis as 0)).sort((a, b) => a - b) : axes;
    const keepdims: OnnxAttribute = { int: keepDims ? 1 : 0 };
    // Opset 17 takes the axes of ReduceSum as an input, those of the others as an attribute.
    const name =
      op === 'ReduceSum'
        ? emitter.node(op, [x.name, emitter.int64(storedAxes)], { keepdims })
        : emitter.node(op, [x.name], { axes: { ints: storedAxes }, keepdims });
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
    // A sum over a value whose broadcasting was put off, down to one number, is a product with the repeat count.
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
