/** The layers that lose channels, as places in the flat vector of what pruning changes. */
import type { PrunableWidth } from '../../../core/network/prunable.ts';
import type { ParameterValues } from '../../../core/network/spec.ts';
import type { ParameterLayout } from '../../train/step/parameter-layout.ts';

interface Slot {
  readonly offset: number;
  readonly size: number;
  readonly shape: readonly number[];
}

/** One layer on its way. */
export interface PrunedLayer {
  readonly width: PrunableWidth;
  /** Its place among the widths. */
  readonly index: number;
  /** Channels that will stay. */
  readonly target: number;
  /** Of the convolution that reads the channels. */
  readonly weight: Slot;
  readonly bias: Slot | undefined;
  readonly chosen: Set<number>;
}

/** Neighbours that are pruned at the same time. */
export type LayerGroup = readonly PrunedLayer[];

/** @param targets one per width. */
export function groupLayers(
  layout: ParameterLayout,
  widths: readonly PrunableWidth[],
  targets: readonly number[],
  layersPerGroup: number,
): LayerGroup[] {
  const slot = (name: string) => layout.slots.find((candidate) => candidate.name === name);
  const layers = widths.map((width, index) => {
    const { layer, hasBias } = width.consumer;
    const bias = hasBias ? slot(`${layer}.bias`) : undefined;
    const weight = slot(`${layer}.weight`) as Slot;
    return { width, index, target: targets[index], weight, bias, chosen: new Set<number>() };
  });
  const cut = layers.filter(({ width, target }) => target < width.width);
  const groups: LayerGroup[] = [];
  for (let i = 0; i < cut.length; i += layersPerGroup) groups.push(cut.slice(i, i + layersPerGroup));
  return groups;
}

export const countPasses = (group: LayerGroup, channelsPerPass: number): number =>
  Math.max(...group.map(({ target }) => Math.ceil(target / channelsPerPass)));

const channelOf = ({ shape }: Slot, i: number): number => Math.floor(i / shape[3]) % shape[2];

/** Without a channel; a layer that gets none loses its bias too, as its block is dropped. */
export function emptyLayer(values: Float32Array, { weight, bias, target }: PrunedLayer): void {
  values.fill(0, weight.offset, weight.offset + weight.size);
  if (bias && target === 0) values.fill(0, bias.offset, bias.offset + bias.size);
}

/** Adds channels with the weights they had; those chosen before keep their tuned ones. */
export function addChannels(
  values: Float32Array,
  original: Float32Array,
  { weight, chosen }: PrunedLayer,
  channels: readonly number[],
): void {
  const added = new Set(channels);
  for (let i = 0; i < weight.size; i++) {
    if (added.has(channelOf(weight, i))) values[weight.offset + i] = original[weight.offset + i];
  }
  for (const channel of channels) chosen.add(channel);
}

/** 1 where a layer may be tuned: the weights of the chosen channels and the bias. */
export function tunable({ size }: ParameterLayout, { weight, bias, chosen }: PrunedLayer): Uint8Array {
  const mask = new Uint8Array(size);
  for (let i = 0; i < weight.size; i++) if (chosen.has(channelOf(weight, i))) mask[weight.offset + i] = 1;
  return bias ? mask.fill(1, bias.offset, bias.offset + bias.size) : mask;
}

/**
 * The gradient norm of discrimination-aware channel pruning (Zhuang et al., NeurIPS 2018), as the code of arXiv 2207.07929
 * takes it: for every input channel the sum over the outputs of the Euclidean norm over the kernel.
 * @param gradient of the loss with respect to a weight of this shape, [k, k, in, out].
 */
export function gradientNorms(gradient: Float32Array, shape: readonly number[]): Float64Array {
  const [height, width, inChannels, outChannels] = shape;
  const squares = new Float64Array(inChannels * outChannels);
  for (let position = 0; position < height * width; position++) {
    const from = position * squares.length;
    for (let i = 0; i < squares.length; i++) squares[i] += gradient[from + i] ** 2;
  }
  const scores = new Float64Array(inChannels);
  for (let i = 0; i < squares.length; i++) scores[Math.floor(i / outChannels)] += Math.sqrt(squares[i]);
  return scores;
}

/** Of the filters that make the channels, the sum of the weights' magnitudes (Li et al., "Pruning Filters", ICLR 2017). */
export function filterNorms({ width }: PrunableWidth, { shape, data }: ParameterValues): Float64Array {
  const outChannels = shape[3];
  const scores = new Float64Array(width);
  // Before a pixel shuffle a channel has several filters, a width apart.
  for (let i = 0; i < data.length; i++) scores[(i % outChannels) % width] += Math.abs(data[i]);
  return scores;
}

/** The `count` channels of highest score among those not `taken`, ascending; of equals the first. */
export function bestChannels(scores: Float64Array, count: number, taken: ReadonlySet<number> = new Set()): number[] {
  return Array.from(scores, (_, channel) => channel)
    .filter((channel) => !taken.has(channel))
    .sort((a, b) => scores[b] - scores[a] || a - b)
    .slice(0, count)
    .sort((a, b) => a - b);
}

export interface NesterovOptions {
  /**
   * Length of a step relative to the weights' own (You et al., "Large Batch Training of Convolutional Networks", 2017): the
   * gradient is scaled to it, so that one rate fits layers and networks of any scale.
   */
  readonly rate: number;
  /** @default 0.9 */
  readonly momentum?: number;
}

/** Euclidean norm of the values at the places where `mask` is not 0. */
function norm(values: Float32Array, mask: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) if (mask[i] !== 0) sum += values[i] ** 2;
  return Math.sqrt(sum);
}

/**
 * v = momentum * v + g; w -= rate * |w| / |g| * (g + momentum * v), as PyTorch's SGD with `nesterov`, where `mask` is not 0.
 * The values and the velocity are changed in place.
 */
export function nesterovStep(
  values: Float32Array,
  velocity: Float32Array,
  gradient: Float32Array,
  mask: Uint8Array,
  { rate, momentum = 0.9 }: NesterovOptions,
): void {
  const [size, slope] = [norm(values, mask), norm(gradient, mask)];
  if (!(slope > 0)) return;
  const scale = size / slope;
  for (let i = 0; i < values.length; i++) {
    if (mask[i] === 0) continue;
    const step = gradient[i] * scale;
    velocity[i] = momentum * velocity[i] + step;
    values[i] -= rate * (step + momentum * velocity[i]);
  }
}
