/** A whole training step as one program: on a GPU nothing but images goes in and a few numbers come out. */
import type { Program } from '../../../core/graph/program.ts';
import type { BatchShape, GradientProgram, Objective } from './objective.ts';
import { gradientProgram } from './objective.ts';
import { nextName, STATE } from './optimizer.ts';
import { updateProgram } from './update-program.ts';

/** For each state vector the output that holds its next value. */
export const NEXT_OUTPUTS: Readonly<Record<string, string>> = Object.fromEntries(
  STATE.map((name) => [name, nextName(name)]),
);

/** Inputs: the state vectors, the batch and the optimiser's scalars. Outputs: the new state vectors, `gradientNorm` and the losses. */
export function stepProgram(
  objective: Objective,
  shape: BatchShape,
  update: Program = updateProgram(objective),
  programFor: GradientProgram = gradientProgram,
): Program {
  const gradients = programFor(objective, shape);
  const { gradient: _, ...updateInputs } = update.inputs;
  return {
    name: 'step',
    inputs: { ...gradients.inputs, ...updateInputs },
    constants: gradients.constants ?? {},
    run(inputs) {
      const { gradient, ...losses } = gradients.run(inputs);
      return { ...losses, ...update.run({ ...inputs, gradient }) };
    },
  };
}
