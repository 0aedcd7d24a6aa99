/** The layers that lose channels, as places in the flat vector of what pruning changes. */
import type { PrunableWidth } from '../../../core/network/prunable.ts';
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
