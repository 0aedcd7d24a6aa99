/** Which optimiser a run has. */
import type { Program } from '../../../core/graph/program.ts';
import { muonStep } from './muon.ts';
import type { Objective } from './objective.ts';
import { type AdamOptions, adamProgram } from './optimizer.ts';

export const OPTIMIZERS = ['adam', 'muon'] as const;
export type OptimizerName = (typeof OPTIMIZERS)[number];

export interface UpdateOptions {
  /** @default 'adam' */
  readonly optimizer?: OptimizerName;
  readonly adam?: AdamOptions;
}

/** A step of the optimiser: inputs and outputs as those of `adamProgram`. */
export function updateProgram(
  { primal, layout }: Pick<Objective, 'primal' | 'layout'>,
  { optimizer = 'adam', adam = {} }: UpdateOptions = {},
): Program {
  return adamProgram(layout.size, adam, optimizer === 'muon' ? muonStep(primal, layout) : undefined);
}

/** Its name, for a model's provenance. @default Adam's */
export const describeOptimizer = (optimizer: OptimizerName = 'adam'): string =>
  ({ adam: 'Adam', muon: 'Muon' })[optimizer];
