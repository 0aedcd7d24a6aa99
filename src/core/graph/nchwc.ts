/**
 * A pass over the emitted graph that runs convolutions in ONNX Runtime's blocked layout (NCHWc:
 * channels in blocks of 16 or 8, innermost). ONNX Runtime does this by itself only for constant
 * weights; in a training step the weights are inputs, so the same operators of its internal domain
 * are emitted here, with the weights brought into the blocked order inside the graph. A blocked
 * value keeps its NCHW shape on paper; element-wise operators pass it on.
 *
 * The order and the operators are those of onnxruntime/core/optimizer/nchwc_transformer.cc.
 */
import { blockFilter, type Pass } from './blocked-filter.ts';
import { BlockedGraph, NCHWC_DOMAIN, type Shape } from './blocked-graph.ts';
import { dropUnused, type OnnxGraph, type OnnxInitializer, type OnnxNode } from './onnx-model.ts';

const UNARY = new Set(['Relu', 'LeakyRelu', 'Abs', 'Neg', 'Sigmoid', 'Tanh', 'Clip', 'Sqrt', 'Exp']);
const BINARY = new Set(['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum']);

/** The one node that reads a value. */
function onlyReader({ uses, followers }: Pass, name: string): OnnxNode | undefined {
  return uses.get(name) === 1 ? followers.get(name) : undefined;
}

/**
 * What the addition behind a convolution adds to it, where that is an image as large that is
 * already there in blocks.
 */
function addedTo({ graph }: Pass, output: string, reader: OnnxNode | undefined): string | undefined {
  if (reader?.op !== 'Add') return undefined;
  const other = reader.inputs.find((name) => name !== output);
  const fits = other !== undefined && graph.shape(other)?.join() === graph.shape(output)?.join();
  return fits && graph.isBlocked(other) && graph.paddingOf(other) === 0 ? graph.blocked(other) : undefined;
}

interface Taken {
  /** What the convolution then gives. */
  readonly output: string;
  readonly added: string | undefined;
  readonly activation: OnnxNode['attributes'];
}

/**
 * The residual addition and the ReLU behind a convolution, as far as nothing else reads what lies
 * between.
 */
function takeFollowers(pass: Pass, convolved: string, mayAdd: boolean, swallowed: Set<OnnxNode>): Taken {
  let output = convolved;
  const take = (node: OnnxNode) => {
    swallowed.add(node);
    output = node.outputs[0];
  };
  const sum = onlyReader(pass, output);
  const added = mayAdd ? addedTo(pass, output, sum) : undefined;
  if (sum && added !== undefined) take(sum);
  const relu = onlyReader(pass, output);
  if (relu?.op !== 'Relu') return { output, added, activation: {} };
  take(relu);
  return { output, added, activation: { activation: { string: 'Relu' } } };
}

function blockConv(pass: Pass, node: OnnxNode, swallowed: Set<OnnxNode>): boolean {
  const { graph } = pass;
  const [name, weight, bias] = node.inputs as [string, string, string?];
  const filter = blockFilter(pass, weight, name);
  if (!filter) return false;
  const { padding } = filter;
  const image = filter.readsPlain ? graph.plain(name) : graph.blocked(name);
  const { output, added, activation } = takeFollowers(pass, node.outputs[0], padding === 0, swallowed);
  const fill = (plain: string) =>
    graph.push({ op: 'Pad', inputs: [plain, graph.int64([0, padding])], outputs: [`${output}_bias`] });
  const whole = bias && (padding > 0 ? fill(graph.plain(bias)) : graph.plain(bias));
  const optional = added === undefined ? (whole ? [whole] : []) : [whole ?? '', added];
  graph.push({
    op: 'Conv',
    domain: NCHWC_DOMAIN,
    inputs: [image, filter.weight, ...optional],
    outputs: [graph.holdConvolved(output, padding)],
    attributes: { ...node.attributes, ...activation },
  });
  return true;
}

const readsBlocked = ({ op }: OnnxNode): boolean =>
  UNARY.has(op) || BINARY.has(op) || op === 'Conv' || op === 'ReduceSum';

/**
 * Element-wise operators run on blocked values when every rank-4 operand of theirs has the result's
 * shape; not where an operand would be brought into blocks only for a result that is read in its
 * own order.
 */
function blockElementwise(pass: Pass, node: OnnxNode): boolean {
  const { graph } = pass;
  const unary = UNARY.has(node.op);
  if (!unary && !BINARY.has(node.op)) return false;
  const operands = unary ? node.inputs.slice(0, 1) : node.inputs;
  if (!operands.some((name) => graph.isBlocked(name))) return false;
  if (operands.some((name) => graph.paddingOf(name) > 0)) return false;
  const shape = graph.shape(operands.find((name) => graph.isBlocked(name)) as string);
  if (!shape) return false;
  const target = shape.join();
  const isNumber = (name: string) => (graph.shape(name) ?? [0]).every((dim) => dim === 1);
  if (!operands.every((name) => graph.shape(name)?.join() === target || isNumber(name))) return false;
  const isMixed = operands.some((name) => !graph.isBlocked(name) && !isNumber(name));
  const reader = onlyReader(pass, node.outputs[0]);
  if (isMixed && reader && !readsBlocked(reader)) return false;
  const inputs = node.inputs.map((name, i) => ((unary && i > 0) || isNumber(name) ? name : graph.blocked(name)));
  graph.setShape(node.outputs[0], shape);
  graph.push({ ...node, inputs, outputs: [graph.holdBlocked(node.outputs[0])] });
  return true;
}

/** A sum over everything but the channels (a bias gradient): the blocks are summed as they lie. */
function blockChannelSum(
  { graph, block }: Pass,
  node: OnnxNode,
  constants: ReadonlyMap<string, OnnxInitializer>,
): boolean {
  if (node.op !== 'ReduceSum' || !graph.isBlocked(node.inputs[0]) || graph.paddingOf(node.inputs[0]) > 0) return false;
  const axes = constants.get(node.inputs[1]);
  const keep = node.attributes?.['keepdims'];
  if (!axes || (keep && 'int' in keep && keep.int === 1)) return false;
  if ([...new BigInt64Array(axes.bytes.slice().buffer)].join() !== '0,2,3') return false;
  const [n, c, h, w] = graph.shape(node.inputs[0]) as Shape;
  const output = node.outputs[0];
  const push = (op: string, suffix: string, inputs: string[], attributes: OnnxNode['attributes'] = {}) =>
    graph.push({ op, inputs, outputs: [`${output}${suffix}`], attributes });
  const cells = push('Reshape', '_cells', [graph.blocked(node.inputs[0]), graph.int64([n, c / block, h * w, block])]);
  const sums = push('ReduceSum', '_sums', [cells, graph.int64([0, 2])], { keepdims: { int: 0 } });
  push('Reshape', '', [sums, graph.int64([c])]);
  return true;
}

export interface BlockOptions {
  /**
   * Whether convolutions whose channels are no whole blocks are filled up with zeros, as ONNX
   * Runtime does with constant weights. Worth it where nothing but convolutions reads what they
   * give: not in a training step. @default false
   */
  readonly mayPad?: boolean;
}

/**
 * @param block channels per block of this machine's ONNX Runtime (16 with AVX-512, 8 with AVX2; see
 *   `nchwcBlockSize`) The graph must come with `shapes`.
 */
export function blockConvolutions(graph: OnnxGraph, block: number, { mayPad = false }: BlockOptions = {}): OnnxGraph {
  const constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const uses = new Map<string, number>();
  const followers = new Map<string, OnnxNode>();
  for (const node of graph.nodes) {
    for (const name of node.inputs) {
      uses.set(name, (uses.get(name) ?? 0) + 1);
      followers.set(name, node);
    }
  }
  const blockedGraph = new BlockedGraph(graph, block);
  const producer = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const pass: Pass = { graph: blockedGraph, block, producer, uses, followers, mayPad };
  const swallowed = new Set<OnnxNode>();
  for (const node of graph.nodes) {
    if (swallowed.has(node)) continue;
    if (node.op === 'Conv' && blockConv(pass, node, swallowed)) continue;
    if (blockElementwise(pass, node) || blockChannelSum(pass, node, constants)) continue;
    blockedGraph.push({ ...node, inputs: node.inputs.map((name) => blockedGraph.plain(name)) });
    for (const name of node.outputs) blockedGraph.computedPlain(name);
  }
  const nodes = dropUnused(
    blockedGraph.nodes,
    graph.outputs.map(({ name }) => name),
  );
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const { initializers, valueInfo } = blockedGraph;
  return { ...graph, nodes, initializers: initializers.filter(({ name }) => used.has(name)), valueInfo };
}

/**
 * Whether all convolutions came into blocks, so that it is worth doing here; what stays beside them
 * costs reordering, and ONNX Runtime pads.
 */
export function isFullyBlocked({ nodes }: OnnxGraph): boolean {
  const convolutions = nodes.filter(({ op }) => op === 'Conv');
  return convolutions.length > 0 && convolutions.every(({ domain }) => domain === NCHWC_DOMAIN);
}
