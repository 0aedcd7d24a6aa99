/**
 * A pass over the emitted graph that runs convolutions in ONNX Runtime's blocked layout (NCHWc: channels in blocks of 16
 * or 8, innermost). ONNX Runtime does this by itself only for constant weights; in a training step the weights are
 * inputs, so the same operators of its internal domain are emitted here, with the weights brought into the blocked
 * order inside the graph. A blocked value keeps its NCHW shape on paper; element-wise operators pass it on.
 *
 * The order and the operators are those of onnxruntime/core/optimizer/nchwc_transformer.cc.
 */
import { BlockedGraph, NCHWC_DOMAIN, type Shape } from './blocked-graph.ts';
import { dropUnused } from './drop-unused.ts';
import type { OnnxGraph, OnnxInitializer, OnnxNode } from './onnx-model.ts';

const UNARY = new Set(['Relu', 'LeakyRelu', 'Abs', 'Neg', 'Sigmoid', 'Tanh', 'Clip', 'Sqrt', 'Exp']);
const BINARY = new Set(['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum']);

interface Pass {
  readonly graph: BlockedGraph;
  readonly block: number;
  readonly producer: ReadonlyMap<string, OnnxNode>;
  readonly uses: ReadonlyMap<string, number>;
  /** The last node that reads a value. */
  readonly followers: ReadonlyMap<string, OnnxNode>;
}

interface BlockedFilter {
  /** [kh, kw, I, O] */
  readonly shape: Shape;
  readonly weight: string;
  /** The convolution reads an unblocked image: fewer input channels than a block. */
  readonly readsPlain: boolean;
  /** Output channels of nothing but zeros that fill the last block. */
  readonly padding: number;
}

const ints = (node: OnnxNode, name: string): readonly number[] => {
  const value = node.attributes?.[name];
  return value && 'ints' in value ? value.ints : [];
};

/** The HWIO filter behind a convolution's weight, and whether that weight is its turned form (the input gradient's). */
function filterOf(
  { producer, graph }: Pass,
  weight: string,
): { name: string; shape: Shape; turned: boolean } | undefined {
  const transpose = producer.get(weight);
  if (transpose?.op !== 'Transpose') return undefined;
  const perm = ints(transpose, 'perm').join();
  const name = transpose.inputs[0];
  if (perm === '3,2,0,1') {
    const shape = graph.shape(name);
    return shape ? { name, shape, turned: false } : undefined;
  }
  if (perm !== '2,3,0,1') return undefined;
  const reversed = producer.get(name);
  const shape = graph.shape(reversed?.op === 'Slice' ? reversed.inputs[0] : name);
  return shape ? { name, shape, turned: true } : undefined;
}

/** Weights in the order the blocked convolution reads: OIHWBiBo, or OIHWBo for images with few channels. */
function blockFilter(pass: Pass, weight: string): BlockedFilter | undefined {
  const { graph, block } = pass;
  const filter = filterOf(pass, weight);
  if (!filter) return undefined;
  const [kh, kw, first, second] = filter.shape;
  const [inChannels, outChannels] = filter.turned ? [second, first] : [first, second];
  const readsPlain = inChannels < block;
  if (!readsPlain && inChannels % block !== 0) return undefined;
  const padding = -outChannels & (block - 1);
  const split = readsPlain && !filter.turned;
  if (filter.turned && (readsPlain || padding > 0)) return undefined;
  const last = second + (filter.turned ? 0 : padding);
  const cells = split ? [kh, kw, first, last / block, block] : [kh, kw, first / block, block, last / block, block];
  const perm = split ? [3, 2, 0, 1, 4] : filter.turned ? [2, 4, 0, 1, 5, 3] : [4, 2, 0, 1, 3, 5];
  const push = (op: string, suffix: string, inputs: string[], attributes: OnnxNode['attributes'] = {}) =>
    graph.push({ op, inputs, outputs: [`${weight}_${suffix}`], attributes });
  const whole =
    padding > 0 ? push('Pad', 'whole', [filter.name, graph.int64([0, 0, 0, 0, 0, 0, 0, padding])]) : filter.name;
  const cut = push('Reshape', 'cells', [whole, graph.int64(cells)]);
  const ordered = push('Transpose', 'ordered', [cut], { perm: { ints: perm } });
  const shaped = push('Reshape', 'blocked', [ordered, graph.int64([outChannels + padding, inChannels, kh, kw])]);
  return { shape: filter.shape, weight: shaped, readsPlain, padding };
}

/** The one node that reads a value. */
function onlyReader({ uses, followers }: Pass, name: string): OnnxNode | undefined {
  return uses.get(name) === 1 ? followers.get(name) : undefined;
}

/** What the addition behind a convolution adds to it, where that is an image as large that is already there in blocks. */
function addedTo({ graph }: Pass, output: string, reader: OnnxNode | undefined): string | undefined {
  if (reader?.op !== 'Add') return undefined;
  const other = reader.inputs.find((name) => name !== output);
  const fits = other !== undefined && graph.shape(other)?.join() === graph.shape(output)?.join();
  return fits && graph.isBlocked(other) ? graph.blocked(other) : undefined;
}

/** A convolution with channels that only fill its last block: they are left out on the way back, so what follows never sees them. */
function pushPadded({ graph }: Pass, { padding }: BlockedFilter, node: OnnxNode, output: string): void {
  const [padded] = node.outputs.map((name) => `${name}_padded`);
  const [image, weight, bias] = node.inputs as [string, string, string?];
  const op = { op: 'Pad', outputs: [`${output}_bias`] };
  const whole = bias ? [graph.push({ ...op, inputs: [bias, graph.int64([0, padding])] })] : [];
  graph.push({ ...node, inputs: [image, weight, ...whole], outputs: [padded] });
  const channels = { int: (graph.shape(output) as Shape)[1] };
  const back = { op: 'ReorderOutput', domain: NCHWC_DOMAIN, attributes: { channels } };
  graph.push({ ...back, inputs: [padded], outputs: [output] });
  graph.computedPlain(output);
}

function canRead({ graph }: Pass, image: string, { readsPlain, padding }: BlockedFilter): boolean {
  if (readsPlain) return padding === 0;
  // Zeros are worth it behind other blocks only.
  return padding > 0 ? graph.isBlocked(image) : graph.canBlock(image);
}

interface Taken {
  /** What the convolution then gives. */
  readonly output: string;
  readonly added: string | undefined;
  readonly activation: OnnxNode['attributes'];
}

/** The residual addition and the ReLU behind a convolution, as far as nothing else reads what lies between. */
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
  const filter = blockFilter(pass, node.inputs[1]);
  if (!filter || !canRead(pass, node.inputs[0], filter)) return false;
  const image = filter.readsPlain ? graph.plain(node.inputs[0]) : graph.blocked(node.inputs[0]);
  const bias = node.inputs[2] ? graph.plain(node.inputs[2]) : undefined;
  const { output, added, activation } = takeFollowers(pass, node.outputs[0], filter.padding === 0, swallowed);
  const optional = added === undefined ? (bias ? [bias] : []) : [bias ?? '', added];
  const inputs = [image, filter.weight, ...optional];
  const conv = { op: 'Conv', domain: NCHWC_DOMAIN, inputs, attributes: { ...node.attributes, ...activation } };
  if (filter.padding > 0) pushPadded(pass, filter, { ...conv, outputs: [output] }, output);
  else graph.push({ ...conv, outputs: [graph.holdConvolved(output)] });
  return true;
}

const readsBlocked = ({ op }: OnnxNode): boolean =>
  UNARY.has(op) || BINARY.has(op) || op === 'Conv' || op === 'ReduceSum';

/**
 * Element-wise operators run on blocked values when every rank-4 operand of theirs has the result's shape; not where an operand would be
 * brought into blocks only for a result that is read in its own order.
 */
function blockElementwise(pass: Pass, node: OnnxNode): boolean {
  const { graph } = pass;
  const unary = UNARY.has(node.op);
  if (!unary && !BINARY.has(node.op)) return false;
  const operands = unary ? node.inputs.slice(0, 1) : node.inputs;
  if (!operands.some((name) => graph.isBlocked(name))) return false;
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
  if (node.op !== 'ReduceSum' || !graph.isBlocked(node.inputs[0])) return false;
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

/**
 * @param block channels per block of this machine's ONNX Runtime (16 with AVX-512, 8 with AVX2; see `nchwcBlockSize`)
 * The graph must come with `shapes`.
 */
export function blockConvolutions(graph: OnnxGraph, block: number): OnnxGraph {
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
  const pass: Pass = { graph: blockedGraph, block, producer, uses, followers };
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

/** Whether all convolutions came into blocks, so that it is worth doing here; what stays beside them costs reordering, and ONNX Runtime pads. */
export function isFullyBlocked({ nodes }: OnnxGraph): boolean {
  const convolutions = nodes.filter(({ op }) => op === 'Conv');
  return convolutions.length > 0 && convolutions.every(({ domain }) => domain === NCHWC_DOMAIN);
}
