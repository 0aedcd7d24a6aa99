/** The compiler: program -> tape -> rewritten tape -> ONNX graph. */

import { CONV } from './emit/conv.ts';
import { ELEMENTWISE, foldSplats } from './emit/elementwise.ts';
import { type EmitRule, Emitter, type Held, nchwShape, type Target } from './emit/emitter.ts';
import { REDUCE } from './emit/reduce.ts';
import { SHAPE } from './emit/shape.ts';
import type { OnnxGraph, OnnxValue } from './onnx-model.ts';
import type { Program } from './program.ts';
import { rewriteTape } from './rewrite.ts';
import type { Tape, TapeNode } from './tape.ts';
import { traceProgram } from './trace.ts';

const RULES: Readonly<Record<string, EmitRule>> = { ...ELEMENTWISE, ...SHAPE, ...REDUCE, ...CONV };

/** Kernels the compiler can emit; the tests walk through this list. */
export const EMITTED_KERNELS: readonly string[] = Object.keys(RULES);

function emitNode(emitter: Emitter, tape: Tape, node: TapeNode, held: Map<number, Held>): void {
  const rule = RULES[node.kernel];
  if (!rule) throw new Error(`the compiler has no ONNX form of the kernel ${node.kernel}`);
  const inputs = node.inputs.map((id) => held.get(id) as Held);
  const { shape, dtype } = tape.values[node.outputs[0]];
  const folded = foldSplats(node.kernel, inputs);
  const result = folded === undefined ? rule(emitter, inputs, node, [shape]) : emitter.splat(folded, shape, dtype);
  held.set(node.outputs[0], result);
}

/** Compiles at the shapes the inputs declare; every size in the graph is fixed. */
function emitTape(name: string, tape: Tape, target: Target): OnnxGraph {
  const both = Object.keys(tape.outputs).find((output) => tape.inputs[output] !== undefined);
  if (both !== undefined) throw new Error(`${name}: \`${both}\` is the name of an input and of an output`);
  const emitter = new Emitter(new Set([...Object.keys(tape.inputs), ...Object.keys(tape.outputs)]), target);
  const held = new Map<number, Held>();
  const inputs: OnnxValue[] = [];
  for (const { id, shape, dtype, data, splat, input } of tape.values) {
    if (input !== undefined) {
      held.set(id, { name: input, shape, stored: shape, layout: 'plain', dtype });
      inputs.push({ name: input, dtype, shape });
    } else if (splat !== undefined) held.set(id, emitter.splat(splat, shape, dtype));
    else if (data) held.set(id, emitter.constant(data, shape, dtype));
  }
  for (const node of tape.nodes) emitNode(emitter, tape, node, held);
  const outputs = Object.entries(tape.outputs).map(([outputName, id]): OnnxValue => {
    const value = emitter.plain(held.get(id) as Held);
    emitter.nodes.push({ op: 'Identity', inputs: [value.name], outputs: [outputName] });
    return { name: outputName, dtype: value.dtype, shape: value.shape };
  });
  const used = new Set(emitter.nodes.flatMap((node) => node.inputs));
  const initializers = emitter.initializers.filter((tensor) => used.has(tensor.name));
  const shapes = new Map<string, readonly number[]>(initializers.map((tensor) => [tensor.name, tensor.shape]));
  for (const { name: heldName, layout, stored } of held.values()) {
    shapes.set(heldName, layout === 'nchw' ? nchwShape(stored) : stored);
  }
  return { name, nodes: emitter.nodes, initializers, inputs, outputs, shapes };
}

/**
 * Whether two compilations of a program at different sizes differ in nothing but the shapes of
 * inputs and outputs.
 */
function sameGraph(a: OnnxGraph, b: OnnxGraph): boolean {
  const described = ({ nodes, initializers }: OnnxGraph) =>
    JSON.stringify([nodes, initializers.map(({ name, dtype, shape }) => [name, dtype, shape])]);
  const sameBytes = (i: number) => Buffer.compare(a.initializers[i].bytes, b.initializers[i].bytes) === 0;
  return described(a) === described(b) && a.initializers.every((_, i) => sameBytes(i));
}

/** Odd and unequal, so that a size that slipped into an attribute cannot match by accident. */
const PROBE_OFFSETS = [3, 8];

/**
 * A dimension that is not the same at two sizes, by what it is at both; the image's own by their
 * names.
 */
function symbolicShapes(
  graph: OnnxGraph,
  probe: OnnxGraph,
  inputs: readonly OnnxValue[],
): ReadonlyMap<string, OnnxValue['shape']> {
  const names = new Map<string, string>();
  const key = (shape: readonly unknown[], other: readonly unknown[], axis: number) => `${shape[axis]}_${other[axis]}`;
  for (const [i, { shape }] of inputs.entries()) {
    for (const [axis, dim] of shape.entries()) {
      if (typeof dim === 'string') names.set(key(graph.inputs[i].shape, probe.inputs[i].shape, axis), dim);
    }
  }
  const entries = [...(graph.shapes ?? [])].flatMap(([name, shape]) => {
    const other = probe.shapes?.get(name);
    if (other?.length !== shape.length) return [];
    const named = shape.map((dim, axis) => {
      const sizes = key(shape, other, axis);
      return dim === other[axis] ? dim : (names.get(sizes) ?? `size_${sizes}`);
    });
    return [[name, named] as const];
  });
  return new Map(entries);
}

function withDynamicAxes(program: Program, graph: OnnxGraph, probe: OnnxGraph): OnnxGraph {
  if (!sameGraph(graph, probe)) {
    throw new Error(`${program.name}: the graph depends on the size of an axis that was declared dynamic`);
  }
  const inputs = graph.inputs.map((value) => {
    const dynamic = program.inputs[value.name]?.dynamicAxes ?? [];
    return {
      ...value,
      shape: value.shape.map((dim, axis) => (dynamic.includes(axis) ? `${value.name}_${axis}` : dim)),
    };
  });
  const outputs = graph.outputs.map((value, i) => ({
    ...value,
    shape: value.shape.map((dim, axis) => (dim === probe.outputs[i].shape[axis] ? dim : `${value.name}_${axis}`)),
  }));
  return { ...graph, inputs, outputs, symbolicShapes: symbolicShapes(graph, probe, inputs) };
}

export interface CompileOptions {
  /** @default 'any' */
  readonly target?: Target;
}

/**
 * Compiles a program to one ONNX graph. Axes declared dynamic get any size at run time; this is
 * proved by compiling twice at different sizes and comparing the graphs. Throws when they differ,
 * or when a kernel has no ONNX form.
 */
export function compileProgram(program: Program, { target = 'any' }: CompileOptions = {}): OnnxGraph {
  const compileAt = (current: Program) => emitTape(program.name, rewriteTape(traceProgram(current)), target);
  const graph = compileAt(program);
  const inputs = Object.entries(program.inputs);
  if (inputs.every(([, spec]) => (spec.dynamicAxes ?? []).length === 0)) return graph;
  const grown = inputs.map(([name, spec]) => {
    const dynamic = spec.dynamicAxes ?? [];
    return [
      name,
      { ...spec, shape: spec.shape.map((dim, axis) => (dynamic.includes(axis) ? dim + PROBE_OFFSETS[axis % 2] : dim)) },
    ];
  });
  let probe: OnnxGraph;
  try {
    probe = compileAt({ ...program, inputs: Object.fromEntries(grown) });
  } catch (cause) {
    throw new Error(`${program.name}: it compiles at the declared sizes, but not at other sizes of its dynamic axes`, {
      cause,
    });
  }
  return withDynamicAxes(program, graph, probe);
}
