/** The network without the channels that were not kept: no mask remains. */
import { createNetwork } from '../../../core/network/create-network.ts';
import { producerOutputs, prunableWidths, withWidths } from '../../../core/network/prunable.ts';
import type { NetworkSpec, ParameterValues } from '../../../core/network/spec.ts';

export type Values = Readonly<Record<string, ParameterValues>>;

/** By the name of the prunable width the channels that stay, ascending; a width without an entry stays whole. */
export type KeptChannels = Readonly<Record<string, readonly number[]>>;

export interface PrunedNetwork {
  readonly spec: NetworkSpec;
  readonly parameters: Values;
}

/** The values at `indices` of one axis, like TF's `gather`. */
function selectAxis({ shape, data }: ParameterValues, axis: number, indices: readonly number[]): ParameterValues {
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const outer = shape.slice(0, axis).reduce((product, size) => product * size, 1);
  const selected = new Float32Array(outer * indices.length * inner);
  for (let block = 0; block < outer; block++) {
    for (const [place, index] of indices.entries()) {
      const from = (block * shape[axis] + index) * inner;
      selected.set(data.subarray(from, from + inner), (block * indices.length + place) * inner);
    }
  }
  return { shape: shape.with(axis, indices.length), data: selected };
}

/**
 * Takes the outputs out of the convolution that makes the channels and the inputs out of the one that reads them. A block
 * of `edge` that keeps none is dropped with its biases, as a block weight of 0 masks it (`weightChannels`).
 * @param parameters of the whole network; those that the pruned one lacks are left out.
 */
export function pruneNetwork(spec: NetworkSpec, parameters: Values, kept: KeptChannels): PrunedNetwork {
  const widths = prunableWidths(spec);
  const cut: Record<string, ParameterValues> = { ...parameters };
  for (const width of widths) {
    const units = kept[width.name];
    if (!units) continue;
    const { producer, consumer, modulators = [] } = width;
    const outputs = producerOutputs(width, units);
    const [made, read] = [`${producer.layer}.weight`, `${consumer.layer}.weight`];
    cut[made] = selectAxis(cut[made], 3, outputs);
    if (producer.hasBias) cut[`${producer.layer}.bias`] = selectAxis(cut[`${producer.layer}.bias`], 0, outputs);
    cut[read] = selectAxis(cut[read], 2, units);
    for (const layer of modulators) {
      cut[`${layer}.weight`] = selectAxis(cut[`${layer}.weight`], 3, units);
      cut[`${layer}.bias`] = selectAxis(cut[`${layer}.bias`], 0, units);
    }
  }
  const pruned = withWidths(
    spec,
    widths.map(({ name, width }) => kept[name]?.length ?? width),
  );
  const wanted = createNetwork(pruned).parameters.map(({ name }) => [name, cut[name]] as const);
  return { spec: pruned, parameters: Object.fromEntries(wanted) };
}
