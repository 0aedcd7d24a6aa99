/** Knowledge distillation: a larger network in the same graph, its weights constants. */

import { badOption } from '../../../core/errors.ts';
import type { Program, TensorSpec } from '../../../core/graph/program.ts';
import { createNetwork } from '../../../core/network/create-network.ts';
import { createDuals } from '../../../core/network/dual.ts';
import type { Network } from '../../../core/network/network.ts';
import type { EdgeSpec, NetworkSpec, ParameterValues } from '../../../core/network/spec.ts';
import { type Tensor, type Tensor4D, tf } from '../../../core/tf.ts';
import { computeLosses, type Losses, outputLevels } from './losses.ts';
import { layOutParameters, nameParameters, type ParameterLayout, sliceParameters } from './parameter-layout.ts';

/** A trained network whose images the new one learns to make too. */
export interface Teacher {
  readonly spec: NetworkSpec;
  readonly parameters: Readonly<Record<string, ParameterValues>>;
  /** Weight of the L1 distance to its images, above 0. */
  readonly weight: number;
}

/** The student's parameters have the same names. */
const constantName = (name: string): string => `teacher.${name}`;

function teacherConstants({ parameters }: Teacher): NonNullable<Program['constants']> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [
      constantName(name),
      { dtype: 'float32' as const, shape, data },
    ]),
  );
}

/** @param inputs of the program, the constants among them. */
function teach({ spec }: Teacher, inputs: Readonly<Record<string, Tensor>>, image: Tensor4D): Tensor4D {
  const network = createNetwork(spec);
  const parameters = Object.fromEntries(network.parameters.map(({ name }) => [name, inputs[constantName(name)]]));
  return network.forward(parameters, image).at(-1) as Tensor4D;
}

export interface ObjectiveExtras {
  /** Batches may hold pictures without ground truth. @default false */
  readonly hasUnpaired?: boolean;
  readonly teacher?: Teacher;
}

export interface Objective extends ObjectiveExtras {
  readonly primal: Network;
  /** Empty when the dual weight is 0. */
  readonly duals: readonly Network[];
  readonly layout: ParameterLayout;
  readonly dualWeight: number;
  /** Enlargements of the LR patch that a batch must hold, ascending; 1 is the LR patch itself, the last one the scale. */
  readonly levels: readonly number[];
}

/**
 * @param dualWeight weight of L_D, 0 or more; 0 leaves the dual networks out. 0.1 in the paper's code.
 * @throws DS_BAD_OPTION when the teacher has another scale, or pictures without ground truth have no dual to learn from.
 */
export function createObjective(spec: NetworkSpec, dualWeight: number, extras: ObjectiveExtras = {}): Objective {
  const { hasUnpaired = false, teacher } = extras;
  if (teacher && teacher.spec.scale !== spec.scale) {
    throw badOption('--teacher', `a model of scale ${spec.scale}`, `one of scale ${teacher.spec.scale}`);
  }
  if (hasUnpaired && dualWeight === 0) {
    throw badOption('--unpaired', 'used with a dual weight above 0: the dual networks learn from it', 'a weight of 0');
  }
  const primal = createNetwork(spec);
  const duals = dualWeight > 0 ? createDuals(spec) : [];
  const levels = [...new Set([1, ...outputLevels(spec)])];
  const layout = layOutParameters([primal, ...duals]);
  return { primal, duals, layout, dualWeight, levels, hasUnpaired, teacher };
}

/** Name of the program input that holds the patch at one level; `image1` is the network's input. */
export const levelInput = (level: number): string => `image${level}`;

/** Name of the program input that distinguishes pairs from pictures without ground truth (`Batch.pairWeights`). */
export const PAIR_WEIGHTS = 'pairWeights';

/** Names of the program inputs of networks with a degradation code (`KnownDegradation`). */
export const CODES = 'codes';
export const CODES_GIVEN = 'codesGiven';

/** Weight of the estimator's error. Its weights feel little else, and Adam makes of a gradient's scale what it likes. */
const CODE_WEIGHT = 0.05;

export interface BatchShape {
  readonly batchSize: number;
  /** Side of the square LR patch in pixels. */
  readonly lrPatchSize: number;
}

/** What a batch consists of, by the name of the program's input; the first axis is the batch's. */
export function batchInputs(
  { levels, hasUnpaired, primal }: Objective,
  { batchSize, lrPatchSize }: BatchShape,
): Record<string, TensorSpec> {
  const { code } = primal.spec as EdgeSpec;
  const images = levels.map(
    (level) => [levelInput(level), { shape: [batchSize, lrPatchSize * level, lrPatchSize * level, 3] }] as const,
  );
  return {
    ...Object.fromEntries(images),
    ...(hasUnpaired ? { [PAIR_WEIGHTS]: { shape: [batchSize] } } : {}),
    ...(code ? { [CODES]: { shape: [batchSize, code.width] }, [CODES_GIVEN]: { shape: [batchSize] } } : {}),
  };
}

const keepLosses = ({ primal, dual, distill, code }: Losses): Losses => ({
  primal: tf.keep(primal.clone()),
  dual: tf.keep(dual.clone()),
  distill: tf.keep(distill.clone()),
  code: tf.keep(code.clone()),
});

/** A program for batches of a shape, with inputs and outputs as those of `gradientProgram`. */
export type GradientProgram = (objective: Objective, shape: BatchShape) => Program;

/**
 * Inputs: `parameters` [P] and the batch (`batchInputs`): images in 0..1 from `image1` [n, h, h, 3] up to `image<scale>`,
 * `pairWeights` [n] where pictures may lack ground truth, `codes` [n, width] and `codesGiven` [n] for networks with a code.
 * Outputs: `gradient` [P] of the total loss, `primalLoss` and `dualLoss` (unweighted) as scalars, `distillLoss`
 * (unweighted) with a teacher, `codeLoss` (unweighted) with a code. Means over micro-batches of equal size are the values of the whole batch.
 */
export function gradientProgram(objective: Objective, shape: BatchShape): Program {
  const { layout, dualWeight, teacher } = objective;
  return {
    name: 'gradient',
    inputs: { parameters: { shape: [layout.size] }, ...batchInputs(objective, shape) },
    constants: teacher ? teacherConstants(teacher) : {},
    run(inputs) {
      let losses: Losses | undefined;
      const pairWeights = inputs[PAIR_WEIGHTS];
      // Outside of what is differentiated: there is no gradient into the teacher.
      const taught = teacher && teach(teacher, inputs, inputs[levelInput(1)] as Tensor4D);
      const codes = inputs[CODES];
      const batch = {
        images: (level: number) => inputs[levelInput(level)] as Tensor4D,
        pairWeights,
        taught,
        degradation: codes ? { codes, isGiven: inputs[CODES_GIVEN] } : undefined,
      };
      const total = (...weights: Tensor[]) => {
        const found = computeLosses(objective, nameParameters(layout, weights), batch);
        // An eager engine disposes what is made inside; the parts are reported, so they are kept until returned.
        losses = keepLosses(found);
        const regression = tf.add(found.primal, tf.mul(found.dual, dualWeight));
        const conditioned = codes ? tf.add(regression, tf.mul(found.code, CODE_WEIGHT)) : regression;
        return (teacher ? tf.add(conditioned, tf.mul(found.distill, teacher.weight)) : conditioned) as never;
      };
      const { grads } = tf.valueAndGrads(total)(sliceParameters(layout, inputs['parameters']));
      const gradient = tf.concat(grads.map((grad, i) => tf.reshape(grad, [layout.slots[i].size])));
      const { primal, dual, distill, code } = losses as Losses;
      const outputs: Record<string, Tensor> = { gradient, primalLoss: primal.clone(), dualLoss: dual.clone() };
      if (teacher) outputs['distillLoss'] = distill.clone();
      if (codes) outputs['codeLoss'] = code.clone();
      tf.dispose([primal, dual, distill, code]);
      return outputs;
    },
  };
}
