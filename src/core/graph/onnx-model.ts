/** A small in-memory form of an ONNX graph and its serialisation (onnx.proto3, IR version 9). */
import { ProtobufWriter } from './protobuf.ts';

export type OnnxDtype = 'float32' | 'int32' | 'int64' | 'bool' | 'uint8' | 'float16';

/** TensorProto.DataType of onnx.proto3. */
const DATA_TYPE: Record<OnnxDtype, number> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10 };

/**
 * Attribute value: integers, integer lists, floats and strings are distinguished by their wrapper.
 */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly string: string };

export interface OnnxNode {
  readonly op: string;
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** A constant stored in the model file. `bytes` is the little-endian content. */
export interface OnnxInitializer {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A graph input or output; a string as dimension is symbolic (any size at run time). */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Shapes of the values as stored, where the emitter knows them. Not part of the file. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  /**
   * The same for any size, with names for dimensions that depend on it; equal names are equal
   * dimensions. Not part of the file.
   */
  readonly symbolicShapes?: ReadonlyMap<string, OnnxValue['shape']>;
  /** Values in between whose shape a runtime needs because it cannot infer it. */
  readonly valueInfo?: readonly OnnxValue[];
}

function writeAttribute(name: string, value: OnnxAttribute): ProtobufWriter {
  const out = new ProtobufWriter().string(1, name);
  if ('int' in value) return out.int(3, value.int).int(20, 2);
  if ('float' in value) return out.float(2, value.float).int(20, 1);
  if ('string' in value) return out.string(4, value.string).int(20, 3);
  for (const item of value.ints) out.int(8, item);
  return out.int(20, 7);
}

function writeNode(node: OnnxNode): ProtobufWriter {
  const out = new ProtobufWriter();
  for (const input of node.inputs) out.string(1, input);
  for (const output of node.outputs) out.string(2, output);
  out.string(3, node.outputs[0] ?? node.op).string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes ?? {})) out.message(5, writeAttribute(name, value));
  return node.domain ? out.string(7, node.domain) : out;
}

function writeInitializer(tensor: OnnxInitializer): ProtobufWriter {
  const out = new ProtobufWriter();
  for (const dim of tensor.shape) out.int(1, dim);
  return out.int(2, DATA_TYPE[tensor.dtype]).string(8, tensor.name).bytes(9, tensor.bytes);
}

function writeValue(value: OnnxValue): ProtobufWriter {
  const shape = new ProtobufWriter();
  for (const dim of value.shape) {
    shape.message(1, typeof dim === 'number' ? new ProtobufWriter().int(1, dim) : new ProtobufWriter().string(2, dim));
  }
  const tensorType = new ProtobufWriter().int(1, DATA_TYPE[value.dtype]).message(2, shape);
  return new ProtobufWriter().string(1, value.name).message(2, new ProtobufWriter().message(1, tensorType));
}

/**
 * Serialises to the bytes of an `.onnx` file, opset 17 (+ ONNX Runtime's contrib domain, version
 * 1).
 */
export function serializeOnnx(graph: OnnxGraph): Uint8Array {
  const body = new ProtobufWriter();
  for (const node of graph.nodes) body.message(1, writeNode(node));
  body.string(2, graph.name);
  for (const tensor of graph.initializers) body.message(5, writeInitializer(tensor));
  for (const input of graph.inputs) body.message(11, writeValue(input));
  for (const output of graph.outputs) body.message(12, writeValue(output));
  for (const value of graph.valueInfo ?? []) body.message(13, writeValue(value));
  const model = new ProtobufWriter().int(1, 9).string(2, 'dualscale').message(7, body);
  model.message(8, new ProtobufWriter().string(1, '').int(2, 17));
  const domains = new Set(graph.nodes.flatMap(({ domain }) => (domain ? [domain] : [])));
  for (const domain of domains) model.message(8, new ProtobufWriter().string(1, domain).int(2, 1));
  return model.finish();
}

/** Without the nodes that no output needs; `nodes` are in the order in which they run. */
export function dropUnused(nodes: readonly OnnxNode[], outputs: Iterable<string>): OnnxNode[] {
  const needed = new Set(outputs);
  const kept = nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => needed.has(name))) return false;
    for (const name of node.inputs) needed.add(name);
    return true;
  });
  return kept.reverse();
}
