/**
 * A pass for graphs that end in pictures: the last pixel shuffle and the last change of layout move
 * each of its numbers twice, as floats, only for the caller to round them and to move them again.
 * Here they leave as they are before that, and as bytes.
 */

import { dropUnused, type OnnxGraph, type OnnxInitializer, type OnnxNode } from './onnx-model.ts';

/**
 * Both stand for c times as many rows and columns: channel (dy * c + dx) * 3 + colour of a cell is
 * its pixel (dy, dx).
 */
export const SUBPIXELS = 'subpixels';
export const SUBPIXEL_BYTES = 'subpixel_bytes';

const RGB = 3;
const NCHW_TO_NHWC = '0,2,3,1';

interface Ending {
  /** The name of the value before the shuffle, [1, 3 * c * c, height, width]. */
  readonly cells: string;
  readonly channels: number;
}

function findEnding({ nodes, shapes }: OnnxGraph, output: string): Ending | undefined {
  const producer = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const behind = (name: string, op: string): OnnxNode | undefined => {
    const node = producer.get(name);
    return node?.op === op ? node : undefined;
  };
  const copy = behind(output, 'Identity');
  const transpose = copy && behind(copy.inputs[0], 'Transpose');
  const perm = transpose?.attributes?.['perm'];
  if (!transpose || !perm || !('ints' in perm) || perm.ints.join() !== NCHW_TO_NHWC) return undefined;
  const pixels = transpose.inputs[0];
  const shuffle = behind(pixels, 'DepthToSpace');
  const mode = shuffle?.attributes?.['mode'];
  const size = shuffle?.attributes?.['blocksize'];
  const isShuffled = mode && 'string' in mode && mode.string === 'DCR' && size && 'int' in size;
  const [cells, cellSide] = isShuffled ? [(shuffle as OnnxNode).inputs[0], size.int] : [pixels, 1];
  const channels = RGB * cellSide ** 2;
  return producer.has(cells) && shapes?.get(cells)?.[1] === channels ? { cells, channels } : undefined;
}

/** The float nearest to 1/255, and the type of the result. */
const QUANTIZATION: readonly OnnxInitializer[] = [
  { name: 'byte_scale', dtype: 'float32', shape: [], bytes: new Uint8Array(Float32Array.of(1 / 255).buffer) },
  { name: 'byte_zero', dtype: 'uint8', shape: [], bytes: Uint8Array.of(0) },
];

/**
 * A graph whose output is `output`, [1, c * height, c * width, 3] in 0..1, with two instead of [1,
 * 3 * c * c, height, width]: `SUBPIXELS`, float32, and `SUBPIXEL_BYTES`, uint8, rounded to the
 * nearest of 0..255, of two equally near ones to the even one. c is the size of the pixel shuffle
 * it ends in, or 1. A graph that does not end so is given back as it is.
 */
export function withSubpixelOutputs(graph: OnnxGraph, output: string): OnnxGraph {
  const ending = findEnding(graph, output);
  if (!ending || graph.outputs.length > 1) return graph;
  const { channels } = ending;
  // Renamed rather than passed on: ONNX Runtime copies what both leaves a graph and is read in it.
  const rename = (name: string) => (name === ending.cells ? SUBPIXELS : name);
  const renameKeys = <Value>(map: ReadonlyMap<string, Value> = new Map()) =>
    new Map([...map].map(([name, value]) => [rename(name), value]));
  const nodes: OnnxNode[] = [
    ...graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) })),
    { op: 'QuantizeLinear', inputs: [SUBPIXELS, 'byte_scale', 'byte_zero'], outputs: [SUBPIXEL_BYTES] },
  ];
  const shape = [1, channels, 'subpixel_rows', 'subpixel_columns'];
  const kept = dropUnused(nodes, [SUBPIXELS, SUBPIXEL_BYTES]);
  const used = new Set(kept.flatMap(({ inputs }) => inputs));
  return {
    ...graph,
    shapes: renameKeys(graph.shapes),
    ...(graph.symbolicShapes ? { symbolicShapes: renameKeys(graph.symbolicShapes) } : {}),
    nodes: kept,
    initializers: [...graph.initializers, ...QUANTIZATION].filter(({ name }) => used.has(name)),
    outputs: [
      { name: SUBPIXELS, dtype: 'float32', shape },
      { name: SUBPIXEL_BYTES, dtype: 'uint8', shape },
    ],
  };
}
