/** A few steps of training from one seed on noise, in either way of doing them. */
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';
import { createGradientPool } from '../../../src/trainer/train/step/gradient-pool.ts';
import { createObjective, type Objective } from '../../../src/trainer/train/step/objective.ts';
import { type OptimizerName, updateProgram } from '../../../src/trainer/train/step/optimizer.ts';
import { flattenParameters } from '../../../src/trainer/train/step/parameter-layout.ts';
import {
  createResidentStepper,
  type ResidentStepperOptions,
} from '../../../src/trainer/train/step/resident-stepper.ts';
import { createSplitStepper, type Stepper, type TrainState } from '../../../src/trainer/train/step/stepper.ts';

const shape = { batchSize: 2, lrPatchSize: 8 };

export const EDGE_X3: NetworkSpec = { family: 'edge', scale: 3, featureCount: 8, innerWidths: [6] };
export const DRN_X2: NetworkSpec = { family: 'drn', scale: 2, featureCount: 4, blockCount: 1 };

function startOf(objective: Objective): TrainState {
  const networks = [objective.primal, ...objective.duals];
  const random = createRandom(4);
  const values = Object.assign({}, ...networks.map((network) => initialiseParameters(network, random)));
  const parameters = flattenParameters(objective.layout, values);
  const zeros = () => new Float32Array(parameters.length);
  return { parameters, firstMoment: zeros(), secondMoment: zeros(), average: parameters.slice() };
}

export interface Outcome {
  readonly state: TrainState;
  readonly losses: readonly number[];
  readonly norms: readonly number[];
}

async function run(stepper: Stepper, steps: number): Promise<Outcome> {
  const [losses, norms]: [number[], number[]] = [[], []];
  for (let step = 0; step < steps; step++) {
    const random = createRandom(9, step);
    for (const image of stepper.images.values()) for (let i = 0; i < image.length; i++) image[i] = random();
    const { primalLoss, dualLoss } = await stepper.compute({
      learningRate: 2e-3,
      beta1Correction: 1 - 0.9 ** (step + 1),
      beta2Correction: 1 - 0.999 ** (step + 1),
      emaDecay: (step + 1) / (step + 10),
    });
    losses.push(primalLoss, dualLoss);
    // One step is not taken, as after an exploding batch.
    if (step !== 7) norms.push(await stepper.accept());
  }
  const state = await stepper.readState();
  await stepper.close();
  return { state, losses, norms };
}

/** Gradients from workers on the CPU, then the optimiser. */
export async function splitSteps(
  spec: NetworkSpec,
  steps: number,
  optimizer: OptimizerName = 'adam',
): Promise<Outcome> {
  const objective = createObjective(spec, 0.1);
  const pool = await createGradientPool(objective, shape);
  const update = updateProgram(objective, { optimizer });
  return run(await createSplitStepper(pool, createOnnxEngine(), startOf(objective), update), steps);
}

/** One program for both, with the state where it computes. */
export async function residentSteps(
  spec: NetworkSpec,
  steps: number,
  options: Pick<ResidentStepperOptions, 'provider' | 'onPlacement'>,
  optimizer: OptimizerName = 'adam',
): Promise<Outcome> {
  const objective = createObjective(spec, 0.1);
  const update = updateProgram(objective, { optimizer });
  return run(await createResidentStepper(objective, startOf(objective), { ...shape, ...options, update }), steps);
}

/** |a - b| / |b| as vectors. */
export function relativeDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [difference, length] = [Array.from(a, (value, i) => value - (b[i] as number)), Array.from(b)];
  return Math.hypot(...difference) / Math.hypot(...length);
}
