/** Knowledge distillation: a larger network in the same graph, its weights constants. */
import type { Program } from '../../../core/graph/program.ts';
import { createNetwork } from '../../../core/network/create-network.ts';
import type { NetworkSpec, ParameterValues } from '../../../core/network/spec.ts';
import type { Tensor, Tensor4D } from '../../../core/tf.ts';

/** A trained network whose images the new one learns to make too. */
export interface Teacher {
  readonly spec: NetworkSpec;
  readonly parameters: Readonly<Record<string, ParameterValues>>;
  /** Weight of the L1 distance to its images, above 0. */
  readonly weight: number;
}

/** The student's parameters have the same names. */
const constantName = (name: string): string => `teacher.${name}`;

export function teacherConstants({ parameters }: Teacher): NonNullable<Program['constants']> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [
      constantName(name),
      { dtype: 'float32' as const, shape, data },
    ]),
  );
}

/** @param inputs of the program, the constants among them. */
export function teach({ spec }: Teacher, inputs: Readonly<Record<string, Tensor>>, image: Tensor4D): Tensor4D {
  const network = createNetwork(spec);
  const parameters = Object.fromEntries(network.parameters.map(({ name }) => [name, inputs[constantName(name)]]));
  return network.forward(parameters, image).at(-1) as Tensor4D;
}
