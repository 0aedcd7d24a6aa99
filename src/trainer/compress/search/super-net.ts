/** The search's network as it stands: weights, how probable each width is, and what follows from both for a forward pass. */

import { initialiseParameters } from '../../../core/network/create-network.ts';
import type { ParameterValues } from '../../../core/network/spec.ts';
import { createRandom } from '../../../core/random.ts';
import { flattenParameters } from '../../train/step/parameter-layout.ts';
import { candidateGradient, channelWeights, probabilityFrom, rankChannels, softmax } from './relaxation.ts';
import type { SearchObjective } from './search-objective.ts';

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
