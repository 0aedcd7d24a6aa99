/** Small networks written directly as ONNX, independent of the compiler: a chain of 3x3 convolutions and a pixel shuffle. */
import type { OnnxServedModel } from '../../src/core/engine/served/served-types.ts';
import { type OnnxGraph, type OnnxInitializer, type OnnxNode, serializeOnnx } from '../../src/core/graph/onnx-model.ts';

/** Uniform in -1..1, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

export interface ConvChain {
  readonly scale: number;
  /** 3x3 convolutions, each of which reaches one pixel further: the halo is as large. */
  readonly layers: number;
  readonly featureCount: number;
  readonly seed?: number;
}

function tensor(name: string, shape: readonly number[], values: Float32Array): OnnxInitializer {
  return { name, dtype: 'float32', shape, bytes: new Uint8Array(values.buffer) };
}

function convolution(
  layer: number,
  inChannels: number,
  outChannels: number,
  random: () => number,
): { initializers: OnnxInitializer[]; node: OnnxNode } {
  // He initialisation keeps the values in range; the biases make the padding at the border matter.
  const bound = Math.sqrt(6 / (inChannels * 9));
  const weight = Float32Array.from({ length: outChannels * inChannels * 9 }, () => random() * bound);
  const bias = Float32Array.from({ length: outChannels }, () => random() * 0.2);
  return {
    initializers: [
      tensor(`weight${layer}`, [outChannels, inChannels, 3, 3], weight),
      tensor(`bias${layer}`, [outChannels], bias),
    ],
    node: {
      op: 'Conv',
      inputs: [`x${layer}`, `weight${layer}`, `bias${layer}`],
      outputs: [`conv${layer}`],
      attributes: { pads: { ints: [1, 1, 1, 1] }, kernel_shape: { ints: [3, 3] } },
    },
  };
}

function buildConvChain({ scale, layers, featureCount, seed = 1 }: ConvChain): OnnxGraph {
  const random = randomNumbers(seed);
  const nodes: OnnxNode[] = [
    { op: 'Transpose', inputs: ['image'], outputs: ['x0'], attributes: { perm: { ints: [0, 3, 1, 2] } } },
  ];
  const initializers: OnnxInitializer[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const isLast = layer === layers - 1;
    const conv = convolution(layer, layer === 0 ? 3 : featureCount, isLast ? 3 * scale ** 2 : featureCount, random);
    nodes.push(conv.node);
    initializers.push(...conv.initializers);
    if (!isLast) nodes.push({ op: 'Relu', inputs: [`conv${layer}`], outputs: [`x${layer + 1}`] });
  }
  nodes.push(
    {
      op: 'DepthToSpace',
      inputs: [`conv${layers - 1}`],
      outputs: ['shuffled'],
      attributes: { blocksize: { int: scale }, mode: { string: 'CRD' } },
    },
    { op: 'Transpose', inputs: ['shuffled'], outputs: ['enlarged'], attributes: { perm: { ints: [0, 2, 3, 1] } } },
  );
  return {
    name: 'conv-chain',
    nodes,
    initializers,
    inputs: [{ name: 'image', dtype: 'float32', shape: [1, 'height', 'width', 3] }],
    outputs: [{ name: 'enlarged', dtype: 'float32', shape: [1, 'enlargedHeight', 'enlargedWidth', 3] }],
  };
}

export function convChainModel(chain: ConvChain): OnnxServedModel {
  const id = `chain-${chain.layers}x${chain.featureCount}-x${chain.scale}-${chain.seed ?? 1}`;
  const macsPerLrPixel =
    9 *
    (3 * chain.featureCount + (chain.layers - 2) * chain.featureCount ** 2 + chain.featureCount * 3 * chain.scale ** 2);
  return {
    engine: 'onnx',
    id,
    digest: id,
    scale: chain.scale,
    halo: chain.layers,
    macsPerLrPixel,
    onnx: serializeOnnx(buildConvChain(chain)),
  };
}
