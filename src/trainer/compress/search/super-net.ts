/** Dual regression over the relaxed network: the training objective, whose parameters now hold the channels' weights too. */

import { initialiseParameters } from '../../../core/network/create-network.ts';
import type { Network } from '../../../core/network/network.ts';
import { type PrunableWidth, prunableWidths, weightChannels } from '../../../core/network/prunable.ts';
import type { NetworkSpec, ParameterValues } from '../../../core/network/spec.ts';
import { createRandom } from '../../../core/random.ts';
import type { Tensor1D } from '../../../core/tf.ts';
import { createObjective, type Objective } from '../../train/step/objective.ts';
import { flattenParameters, layOutParameters } from '../../train/step/parameter-layout.ts';
import { candidateGradient, channelWeights, probabilityFrom, rankChannels, softmax } from './relaxation.ts';

/** Where one width's numbers stand in the flat vector. */
interface WidthPlace {
  readonly width: PrunableWidth;
  /** Weights of the convolution that ranks the channels. */
  readonly consumer: { readonly offset: number; readonly size: number; readonly shape: readonly number[] };
  readonly channels: number;
  /** Weight of the whole block; absent where none is dropped. */
  readonly block?: number;
}

export interface SearchObjective {
  readonly objective: Objective;
  readonly places: readonly WidthPlace[];
  /** Length of the part that is trained: primal and dual parameters. The weights of channels and blocks follow. */
  readonly trainedSize: number;
}

const channelsName = (width: PrunableWidth): string => `channels.${width.name}`;
const blockName = (width: PrunableWidth): string => `block.${width.name}`;

function relax(primal: Network, widths: readonly PrunableWidth[]): Network {
  return {
    ...primal,
    forward(parameters, image, code) {
      const weights = widths.map((width) => {
        const block = parameters[blockName(width)];
        const channels = parameters[channelsName(width)] as Tensor1D;
        return [width.name, { channels, block }] as const;
      });
      return primal.forward(weightChannels(parameters, widths, Object.fromEntries(weights)), image, code);
    },
  };
}

/** @param dualWeight as in `createObjective`. */
export function createSearchObjective(spec: NetworkSpec, dualWeight: number): SearchObjective {
  const base = createObjective(spec, dualWeight);
  const widths = prunableWidths(spec);
  const weights = widths.flatMap((width) => [
    { name: channelsName(width), shape: [width.width], fanIn: 1 },
    ...(width.least === 0 ? [{ name: blockName(width), shape: [1], fanIn: 1 }] : []),
  ]);
  const layout = layOutParameters([base.primal, ...base.duals, { parameters: weights }]);
  const slotOf = new Map(layout.slots.map((slot) => [slot.name, slot]));
  const places = widths.map((width) => {
    const consumer = slotOf.get(`${width.consumer.layer}.weight`) as (typeof layout.slots)[number];
    const channels = slotOf.get(channelsName(width))?.offset as number;
    const block = slotOf.get(blockName(width))?.offset;
    return { width, consumer, channels, block };
  });
  return { objective: { ...base, primal: relax(base.primal, widths), layout }, places, trainedSize: base.layout.size };
}

type Candidates = readonly (readonly number[])[];

/** A flat vector as one list per width, of the candidates' lengths. */
export function splitByWidth(flat: Float32Array, candidates: Candidates): number[][] {
  const rest = Array.from(flat);
  return candidates.map(({ length }) => rest.splice(0, length));
}

/**
 * The vector that the gradient program takes: trained weights, then how much each channel takes part. Channels are
 * ranked by the weights as they are now.
 * @param probabilities per width, per candidate.
 */
export function relaxedVector(
  { objective, places, trainedSize }: SearchObjective,
  trained: Float32Array,
  candidates: Candidates,
  probabilities: readonly (readonly number[])[],
): { readonly vector: Float32Array; readonly ranks: readonly Int32Array[] } {
  const vector = new Float32Array(objective.layout.size);
  vector.set(trained.subarray(0, trainedSize));
  const ranks = places.map(({ consumer, channels, block }, width) => {
    const { offset, size, shape } = consumer;
    const rank = rankChannels(trained.subarray(offset, offset + size), shape);
    vector.set(channelWeights(probabilities[width], candidates[width], rank), channels);
    if (block !== undefined) vector[block] = probabilityFrom(probabilities[width], candidates[width], 0);
    return rank;
  });
  return { vector, ranks };
}

/** All probability on the chosen candidates: the network that the choice would leave, with the search's weights. */
export function certain(candidates: Candidates, choice: readonly number[]): number[][] {
  return candidates.map((options, width) => options.map((_, i) => (i === choice[width] ? 1 : 0)));
}

export function probabilitiesOf(alphas: Float32Array, candidates: Candidates): number[][] {
  return splitByWidth(alphas, candidates).map(softmax);
}

/** Per width, per candidate: the gradient with respect to the candidate's probability. */
export function candidateGradients(
  { places }: SearchObjective,
  gradient: Float32Array,
  candidates: Candidates,
  ranks: readonly Int32Array[],
): number[][] {
  return places.map(({ width, channels, block }, i) =>
    candidateGradient(
      candidates[i],
      ranks[i],
      gradient.subarray(channels, channels + width.width),
      block === undefined ? 0 : gradient[block],
    ),
  );
}

/** The trained part of the vector from a model's weights; parameters it lacks (the duals of a published one) start at random. */
export function startWeights(
  { objective, trainedSize }: SearchObjective,
  parameters: Readonly<Record<string, ParameterValues>>,
  seed: number,
): Float32Array {
  const { primal, duals, layout } = objective;
  const values: Record<string, ParameterValues> = {};
  for (const network of [primal, ...duals])
    Object.assign(values, initialiseParameters(network, createRandom(seed, 0x1417)));
  for (const name of Object.keys(values)) values[name] = parameters[name] ?? values[name];
  const trained = { ...layout, slots: layout.slots.filter(({ offset }) => offset < trainedSize), size: trainedSize };
  return flattenParameters(trained, values);
}
