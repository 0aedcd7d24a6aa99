/** Where a run begins: random weights, or those of another network as far as they fit. */
import { initialiseParameters } from '../../../core/network/create-network.ts';
import type { Network } from '../../../core/network/network.ts';
import type { ParameterValues } from '../../../core/network/spec.ts';
import { createRandom } from '../../../core/random.ts';
import type { Objective } from '../step/objective.ts';
import { flattenParameters } from '../step/parameter-layout.ts';
import type { Checkpoint } from './checkpoint.ts';

export type TrainPoint = Omit<Checkpoint, 'fingerprint'>;

type Values = Readonly<Record<string, ParameterValues>>;

/**
 * Makes blocks that a shallower network does not have change nothing: their last convolution is zero. So a deeper network
 * begins where the shallower one ended, and not with what random blocks make of it.
 */
function addAsIdentity(
  { residualEnds = [], parameters }: Network,
  taken: ReadonlySet<string>,
): Record<string, ParameterValues> {
  const isTaken = (end: string) => taken.has(`${end}.weight`);
  if (!residualEnds.some(isTaken)) return {};
  const added = residualEnds.filter((end) => !isTaken(end)).flatMap((end) => [`${end}.weight`, `${end}.bias`]);
  const zeros = (shape: readonly number[]) => new Float32Array(shape.reduce((product, size) => product * size, 1));
  return Object.fromEntries(
    parameters
      .filter(({ name }) => added.includes(name))
      .map(({ name, shape }) => [name, { shape, data: zeros(shape) }]),
  );
}

/** Random start (PyTorch's initialisation), overlaid with the given weights where name and shape agree. */
export function startState({ primal, duals, layout }: Objective, seed: number, startFrom: Values = {}): TrainPoint {
  const values: Record<string, ParameterValues> = {};
  for (const network of [primal, ...duals]) {
    Object.assign(values, initialiseParameters(network, createRandom(seed, 0x1417)));
  }
  const fitting = Object.entries(startFrom).filter(([name, { shape }]) => values[name]?.shape.join() === shape.join());
  Object.assign(values, Object.fromEntries(fitting), addAsIdentity(primal, new Set(fitting.map(([name]) => name))));
  const parameters = flattenParameters(layout, values);
  const zeros = () => new Float32Array(parameters.length);
  return {
    step: 0,
    usualLoss: Number.POSITIVE_INFINITY,
    state: { parameters, firstMoment: zeros(), secondMoment: zeros(), average: parameters.slice() },
  };
}
