/** Kernels that work value by value. Layout and put-off broadcasting pass through them. */
import type { TapeNode } from '../tape.ts';
import type { EmitRule, Emitter, Held, Layout } from './emitter.ts';

function broadcast(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, i) =>
    Math.max(...shapes.map((shape) => shape[i - rank + shape.length] ?? 1)),
  );
}

/** Emits one element-wise op over operands of broadcastable shapes. */
function combine(
  emitter: Emitter,
  op: (names: string[]) => string,
  operands: readonly Held[],
  shape: readonly number[],
) {
  const stored = broadcast(operands.map((operand) => operand.stored));
  const nchw = operands.some((operand) => operand.layout === 'nchw') && stored.length === 4;
  const layout: Layout = nchw ? 'nchw' : 'plain';
  const name = op(operands.map((operand) => emitter.operand(operand, layout, stored.length)));
  return { name, shape, stored, layout };
}

const binary =
  (op: string): EmitRule =>
  (emitter, [a, b], node, [shape]) => {
    const kept = identityOperand(node.kernel, a, b, shape);
    if (kept) return kept;
    return { ...combine(emitter, (names) => emitter.node(op, names), [a, b], shape), dtype: a.dtype };
  };

/**
 * x * 1, x / 1, x + 0, x - 0: the other operand as it is; the gradient of a mean multiplies by a
 * whole image of ones.
 */
function identityOperand(kernel: string, a: Held, b: Held, shape: readonly number[]): Held | undefined {
  const neutral =
    kernel === 'Multiply' || kernel === 'RealDiv' ? 1 : kernel === 'Add' || kernel === 'Sub' ? 0 : undefined;
  if (neutral === undefined) return undefined;
  if (b.splat === neutral) return { ...a, shape };
  if (a.splat === neutral && (kernel === 'Multiply' || kernel === 'Add')) return { ...b, shape };
  return undefined;
}

const compare =
  (op: string, negate = false): EmitRule =>
  (emitter, [a, b], _node, [shape]) => {
    const emit = (names: string[]) =>
      negate ? emitter.node('Not', [emitter.node(op, names)]) : emitter.node(op, names);
    return { ...combine(emitter, emit, [a, b], shape), dtype: 'bool' };
  };

const unary =
  (emit: (emitter: Emitter, name: string, node: TapeNode) => string): EmitRule =>
  (emitter, [x], node, [shape]) => ({
    ...combine(emitter, ([name]) => emit(emitter, name, node), [x], shape),
    dtype: x.dtype,
  });

const plainUnary = (op: string): EmitRule => unary((emitter, name) => emitter.node(op, [name]));

const filled =
  (value: number): EmitRule =>
  (emitter, [x], _node, [shape]) =>
    emitter.splat(value, shape, x.dtype);

/** Largest finite power of ten in float32: turns any positive activation into something above 1. */
const HUGE = 1e38;

/** A scalar constant of the type a kernel works in. */
const scalar = (emitter: Emitter, value: number, dtype: Held['dtype']) => emitter.splat(value, [], dtype).name;

const step: EmitRule = (emitter, [x], node, [shape]) => {
  const alpha = Number(node.attributes['alpha'] ?? 0);
  const emit = ([name]: string[]) => {
    // ONNX Runtime's Greater + Cast and its Sign are not vectorised; scaling and clipping are.
    if (alpha === 0 && x.dtype === 'float32') {
      const scaled = emitter.node('Mul', [name, emitter.float([HUGE])]);
      return emitter.node('Clip', [scaled, emitter.float([0]), emitter.float([1])]);
    }
    return emitter.node('Where', [
      emitter.node('Greater', [name, scalar(emitter, 0, x.dtype)]),
      scalar(emitter, 1, x.dtype),
      scalar(emitter, alpha, x.dtype),
    ]);
  };
  return { ...combine(emitter, emit, [x], shape), dtype: x.dtype };
};

const clip: EmitRule = (emitter, [x], node, [shape]) => {
  const limits = ['clipValueMin', 'clipValueMax'].map((limit) =>
    scalar(emitter, Number(node.attributes[limit]), x.dtype),
  );
  return { ...combine(emitter, ([name]) => emitter.node('Clip', [name, ...limits]), [x], shape), dtype: x.dtype };
};

const select: EmitRule = (emitter, [condition, t, e], _node, [shape]) => ({
  ...combine(emitter, (names) => emitter.node('Where', names), [condition, t, e], shape),
  dtype: t.dtype,
});

const cast: EmitRule = (emitter, [x], node, [shape]) => {
  const dtype = node.attributes['dtype'] as Held['dtype'];
  if (dtype === x.dtype) return { ...x, shape };
  return { ...combine(emitter, ([name]) => emitter.cast(name, dtype), [x], shape), dtype };
};

const squaredDifference: EmitRule = (emitter, [a, b], _node, [shape]) => {
  const emit = (names: string[]) => {
    const difference = emitter.node('Sub', names);
    return emitter.node('Mul', [difference, difference]);
  };
  return { ...combine(emitter, emit, [a, b], shape), dtype: a.dtype };
};

/** The WebGPU provider has no `Sum`. */
const sum = (emitter: Emitter, names: readonly string[]): string =>
  emitter.target === 'webgpu' || names.length === 1
    ? names.reduce((total, name) => emitter.node('Add', [total, name]))
    : emitter.node('Sum', names);

const addN: EmitRule = (emitter, inputs, _node, [shape]) => ({
  ...combine(emitter, (names) => sum(emitter, names), inputs, shape),
  dtype: inputs[0].dtype,
});

/**
 * A small constant expression is folded here, so that scalar arithmetic of the gradients leaves no
 * nodes behind.
 */
export function foldSplats(kernel: string, inputs: readonly Held[]): number | undefined {
  const values = inputs.map((input) => input.splat);
  if (values.length === 0 || values.some((value) => value === undefined)) return undefined;
  const [a, b = 0] = values as number[];
  const results: Record<string, number> = {
    Add: a + b,
    Sub: a - b,
    Multiply: a * b,
    RealDiv: a / b,
    Neg: -a,
    Maximum: Math.max(a, b),
    Minimum: Math.min(a, b),
  };
  const result = results[kernel];
  return result === undefined ? undefined : Math.fround(result);
}

export const ELEMENTWISE: Readonly<Record<string, EmitRule>> = {
  Add: binary('Add'),
  Sub: binary('Sub'),
  Multiply: binary('Mul'),
  RealDiv: binary('Div'),
  Maximum: binary('Max'),
  Minimum: binary('Min'),
  Pow: binary('Pow'),
  SquaredDifference: squaredDifference,
  AddN: addN,
  Greater: compare('Greater'),
  GreaterEqual: compare('GreaterOrEqual'),
  Less: compare('Less'),
  LessEqual: compare('LessOrEqual'),
  Equal: compare('Equal'),
  NotEqual: compare('Equal', true),
  LogicalAnd: compare('And'),
  LogicalOr: compare('Or'),
  LogicalNot: (emitter, [x], _node, [shape]) => ({
    ...combine(emitter, (names) => emitter.node('Not', names), [x], shape),
    dtype: 'bool',
  }),
  Select: select,
  Cast: cast,
  Step: step,
  ClipByValue: clip,
  LeakyRelu: unary((emitter, name, node) =>
    emitter.node('LeakyRelu', [name], { alpha: { float: Number(node.attributes['alpha']) } }),
  ),
  Rsqrt: unary((emitter, name) => emitter.node('Reciprocal', [emitter.node('Sqrt', [name])])),
  Square: unary((emitter, name) => emitter.node('Mul', [name, name])),
  ...Object.fromEntries(
    ['Abs', 'Ceil', 'Exp', 'Floor', 'Log', 'Neg', 'Reciprocal', 'Relu', 'Sigmoid', 'Sign', 'Sqrt', 'Tanh'].map((op) => [
      op,
      plainUnary(op),
    ]),
  ),
  ZerosLike: filled(0),
  OnesLike: filled(1),
  Fill: (emitter, _inputs, node, [shape]) =>
    emitter.splat(Number(node.attributes['value']), shape, (node.attributes['dtype'] as Held['dtype']) ?? 'float32'),
};
