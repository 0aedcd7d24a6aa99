/** The filters of convolutions in blocked order. */
import type { BlockedGraph, Shape } from './blocked-graph.ts';
import type { OnnxNode } from './onnx-model.ts';

export interface Pass {
  readonly graph: BlockedGraph;
  readonly block: number;
  readonly producer: ReadonlyMap<string, OnnxNode>;
  readonly uses: ReadonlyMap<string, number>;
  /** The last node that reads a value. */
  readonly followers: ReadonlyMap<string, OnnxNode>;
  readonly mayPad: boolean;
}

export interface BlockedFilter {
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

interface Filter {
  /** [kh, kw, I, O], of the value `name`. */
  readonly shape: Shape;
  readonly name: string;
  /** The convolution's weight is its turned form: the input gradient's. */
  readonly turned: boolean;
}

/** The HWIO filter behind a convolution's weight. */
function filterOf({ producer, graph }: Pass, weight: string): Filter | undefined {
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

/** What is missing to whole blocks. */
const missing = (channels: number, block: number): number => -channels & (block - 1);

interface Blocking extends Pick<BlockedFilter, 'readsPlain' | 'padding'> {
  readonly inPadding: number;
}

/**
 * Whether and how the filter comes into blocks. Filled up only where that is allowed and the image
 * is filled up as well or in whole blocks.
 */
function planBlocking({ graph, block, mayPad }: Pass, { shape, turned }: Filter, image: string): Blocking | undefined {
  const [inChannels, outChannels] = turned ? [shape[3], shape[2]] : [shape[2], shape[3]];
  // Of few channels fewer are multiplied so than filled up, though they are brought back into their
  // order first.
  const readsPlain = inChannels < block;
  const inPadding = readsPlain ? 0 : missing(inChannels, block);
  const padding = missing(outChannels, block);
  if (inPadding + padding > 0 && (!mayPad || turned || readsPlain)) return undefined;
  const fits = readsPlain ? !turned : graph.canBlock(image) && graph.paddingOf(image) === inPadding;
  return fits ? { readsPlain, inPadding, padding } : undefined;
}

/**
 * Weights in the order the blocked convolution reads: OIHWBiBo, or OIHWBo for images with few
 * channels.
 */
export function blockFilter(pass: Pass, weight: string, image: string): BlockedFilter | undefined {
  const { graph, block } = pass;
  const filter = filterOf(pass, weight);
  const blocking = filter && planBlocking(pass, filter, image);
  if (!blocking) return undefined;
  const { readsPlain, inPadding, padding } = blocking;
  const [kh, kw, first, second] = filter.shape;
  const [i, o] = [first + inPadding, second + padding];
  const cells = readsPlain ? [kh, kw, i, o / block, block] : [kh, kw, i / block, block, o / block, block];
  const perm = readsPlain ? [3, 2, 0, 1, 4] : filter.turned ? [2, 4, 0, 1, 5, 3] : [4, 2, 0, 1, 3, 5];
  const push = (op: string, suffix: string, inputs: string[], attributes: OnnxNode['attributes'] = {}) =>
    graph.push({ op, inputs, outputs: [`${weight}_${suffix}`], attributes });
  const pads = () => graph.int64([0, 0, 0, 0, 0, 0, inPadding, padding]);
  const whole = inPadding + padding > 0 ? push('Pad', 'whole', [filter.name, pads()]) : filter.name;
  const cut = push('Reshape', 'cells', [whole, graph.int64(cells)]);
  const ordered = push('Transpose', 'ordered', [cut], { perm: { ints: perm } });
  const shaped = push('Reshape', 'blocked', [ordered, graph.int64([...(filter.turned ? [i, o] : [o, i]), kh, kw])]);
  return { weight: shaped, readsPlain, padding };
}
