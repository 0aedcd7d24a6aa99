/** Kernels that move values: reshape, transpose, slice, concat, pad, tile, pixel shuffles. */

import { axesOf, sliceBounds } from '../infer.ts';
import type { OnnxAttribute } from '../onnx-model.ts';
import { sameShape } from '../tape.ts';
import { type EmitRule, type Emitter, type Held, NHWC_TO_NCHW } from './emitter.ts';

const held = (name: string, shape: readonly number[], layout: Held['layout'], dtype: Held['dtype']): Held => ({
  name,
  shape,
  stored: shape,
  layout,
  dtype,
});

/** Per-axis attribute of a value in the order the value is stored. */
function stored<T>(layout: Held['layout'], perAxis: readonly T[]): T[] {
  return layout === 'nchw' ? NHWC_TO_NCHW.map((axis) => perAxis[axis]) : [...perAxis];
}

const reshape: EmitRule = (emitter, [x], _node, [shape]) => {
  if (sameShape(shape, x.shape)) return { ...x, shape };
  if (x.splat !== undefined) return { ...x, shape };
  const plain = emitter.plain(x);
  return held(emitter.node('Reshape', [plain.name, emitter.int64(shape)]), shape, 'plain', x.dtype);
};

const transpose: EmitRule = (emitter, [x], node, [shape]) => {
  if (x.splat !== undefined) return { ...x, shape };
  const perm = node.attributes['perm'] as number[];
  return held(emitter.node('Transpose', [emitter.plain(x).name], { perm: { ints: perm } }), shape, 'plain', x.dtype);
};

const slice: EmitRule = (emitter, [value], node, [shape]) => {
  if (value.splat !== undefined) return { ...value, shape };
  const x = emitter.full(value);
  const begin = stored(x.layout, sliceBounds(x.shape, node.attributes).begin);
  const size = stored(x.layout, shape);
  const full = stored(x.layout, x.shape);
  const axes = size.flatMap((n, axis) => (n === full[axis] ? [] : [axis]));
  if (axes.length === 0) return { ...x, shape };
  const starts = axes.map((axis) => begin[axis]);
  const ends = axes.map((axis) => begin[axis] + size[axis]);
  const name = emitter.node('Slice', [x.name, emitter.int64(starts), emitter.int64(ends), emitter.int64(axes)]);
  return held(name, shape, x.layout, x.dtype);
};

function concatenate(emitter: Emitter, inputs: readonly Held[], axis: number, shape: readonly number[]): Held {
  const nchw = inputs.some((input) => input.layout === 'nchw');
  const names = inputs.map((input) => (nchw ? emitter.nchw(input) : emitter.plain(input)).name);
  const storedAxis = nchw ? NHWC_TO_NCHW.indexOf(axis as 0) : axis;
  return held(
    emitter.node('Concat', names, { axis: { int: storedAxis } }),
    shape,
    nchw ? 'nchw' : 'plain',
    inputs[0].dtype,
  );
}

const concat: EmitRule = (emitter, inputs, node, [shape]) => {
  if (inputs.length === 1) return inputs[0];
  return concatenate(emitter, inputs, axesOf(node.attributes['axis'] ?? 0, shape.length)[0], shape);
};

const pack: EmitRule = (emitter, inputs, node, [shape]) => {
  const axis = ((node.attributes['axis'] as number) + shape.length) % shape.length;
  const one = shape.map((dim, i) => (i === axis ? 1 : dim));
  const lifted = inputs.map((input) =>
    held(emitter.node('Reshape', [emitter.plain(input).name, emitter.int64(one)]), one, 'plain', input.dtype),
  );
  return concatenate(emitter, lifted, axis, shape);
};

function pad(
  emitter: Emitter,
  value: Held,
  paddings: readonly (readonly number[])[],
  shape: readonly number[],
  mode: string,
  fill?: number,
) {
  const x = emitter.full(value);
  const inOrder = stored(x.layout, paddings);
  const pads = emitter.int64([...inOrder.map(([before]) => before), ...inOrder.map(([, after]) => after)]);
  const inputs = fill === undefined ? [x.name, pads] : [x.name, pads, emitter.splat(fill, [], x.dtype).name];
  return held(emitter.node('Pad', inputs, { mode: { string: mode } }), shape, x.layout, x.dtype);
}

const padV2: EmitRule = (emitter, [x], node, [shape]) =>
  pad(
    emitter,
    x,
    node.attributes['paddings'] as number[][],
    shape,
    'constant',
    Number(node.attributes['constantValue'] ?? 0),
  );

/**
 * TF.js' symmetric padding repeats the edge pixel; ONNX has that only for a width of one, where it
 * is `edge`.
 */
const mirrorPad: EmitRule = (emitter, [x], node, [shape]) => {
  const paddings = node.attributes['paddings'] as number[][];
  const symmetric = node.attributes['mode'] === 'symmetric';
  if (symmetric && paddings.flat().some((n) => n > 1))
    throw new Error('symmetric padding by more than one pixel is not supported: pad twice');
  return pad(emitter, x, paddings, shape, symmetric ? 'edge' : 'reflect');
};

const tile: EmitRule = (emitter, [value], node, [shape]) => {
  const reps = node.attributes['reps'] as number[];
  if (value.splat !== undefined || reps.every((n) => n === 1)) return { ...value, shape };
  // Repeating channels copies whole planes where they are apart, and a few numbers at a time where
  // they are interleaved.
  const repeatsChannels = reps.length === 4 && reps.every((n, axis) => n === 1 || axis === 3);
  const x = repeatsChannels ? emitter.nchw(value) : emitter.full(value);
  return held(emitter.node('Tile', [x.name, emitter.int64(stored(x.layout, reps))]), shape, x.layout, x.dtype);
};

/** What a `Slice` takes as "to the end". */
const END = 2 ** 31 - 1;

/**
 * SpaceToDepth, which the WebGPU provider lacks: every pixel of the blocks as an image of its own,
 * for images of any size. Rows and columns are picked apart, because ONNX Runtime makes a
 * SpaceToDepth of slices that do both.
 */
function spaceToDepth(emitter: Emitter, image: string, blockSize: number): string {
  const pick = (name: string, axis: number) =>
    Array.from({ length: blockSize }, (_, first) => {
      const [start, end, on, step] = [first, END, axis, blockSize].map((value) => emitter.int64([value]));
      return emitter.node('Slice', [name, start, end, on, step]);
    });
  const parts = pick(image, 2).flatMap((rows) => pick(rows, 3));
  return emitter.node('Concat', parts, { axis: { int: 1 } });
}

const shuffle =
  (op: 'DepthToSpace' | 'SpaceToDepth'): EmitRule =>
  (emitter, [x], node, [shape]) => {
    const blockSize = node.attributes['blockSize'] as number;
    if (op === 'SpaceToDepth' && emitter.target === 'webgpu') {
      return held(spaceToDepth(emitter, emitter.nchw(x).name, blockSize), shape, 'nchw', x.dtype);
    }
    const blocksize = { int: blockSize };
    const attributes: Record<string, OnnxAttribute> =
      op === 'DepthToSpace' ? { blocksize, mode: { string: 'DCR' } } : { blocksize };
    return held(emitter.node(op, [emitter.nchw(x).name], attributes), shape, 'nchw', x.dtype);
  };

export const SHAPE: Readonly<Record<string, EmitRule>> = {
  Reshape: reshape,
  ExpandDims: reshape,
  Transpose: transpose,
  Slice: slice,
  Concat: concat,
  Pack: pack,
  PadV2: padV2,
  MirrorPad: mirrorPad,
  Tile: tile,
  DepthToSpace: shuffle('DepthToSpace'),
  SpaceToDepth: shuffle('SpaceToDepth'),
};
