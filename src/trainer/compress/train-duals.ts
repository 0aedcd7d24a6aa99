/** Dual networks for a model that was published without: they learn to reduce what the model enlarges, which stays as it is. */
import type { Engine } from '../../core/engine/engine.ts';
import type { Provider } from '../../core/engine/runtime.ts';
import type { Program } from '../../core/graph/program.ts';
import { initialiseParameters } from '../../core/network/create-network.ts';
import type { NetworkSpec } from '../../core/network/spec.ts';
import { createRandom } from '../../core/random.ts';
import { type Tensor, type Tensor4D, tf } from '../../core/tf.ts';
import { degradationOf } from '../presets/recipes.ts';
import type { Dataset } from '../train/data/dataset.ts';
import { trainLoop } from '../train/run/train-loop.ts';
import { openGradients } from '../train/step/gradient-pool.ts';
import { computeLosses } from '../train/step/losses.ts';
import {
  type BatchShape,
  batchInputs,
  createObjective,
  type GradientProgram,
  levelInput,
} from '../train/step/objective.ts';
import { updateProgram } from '../train/step/optimizer.ts';
import {
  flattenParameters,
  layOutParameters,
  nameParameters,
  sliceParameters,
  unflattenParameters,
} from '../train/step/parameter-layout.ts';
import { createSplitStepper } from '../train/step/stepper.ts';
import { asConstants } from './prune/prune-program.ts';
import type { Values } from './prune/pruned-network.ts';

export interface TrainDualsOptions extends BatchShape {
  readonly spec: NetworkSpec;
  readonly parameters: Values;
  readonly steps: number;
  readonly seed: number;
  readonly dataset: Pick<Dataset, 'train'>;
  readonly engine: Engine;
  readonly provider: Provider;
  readonly workers: number;
  readonly microBatchSize: number;
  readonly report: (step: number, dualLoss: number) => void;
  readonly signal?: AbortSignal;
}

/** The networks are small and linear but for two activations: they take a high rate. */
const LEARNING_RATE = 5e-3;

/** Inputs and outputs as those of `gradientProgram`; the parameters are those of the duals alone. */
function dualProgram(given: Values): GradientProgram {
  return (objective, shape): Program => ({
    name: 'duals',
    inputs: { parameters: { shape: [objective.layout.size] }, ...batchInputs(objective, shape) },
    constants: asConstants(given),
    run(inputs) {
      const { layout } = objective;
      let primal: Tensor | undefined;
      const total = (...weights: Tensor[]) => {
        const parameters = { ...inputs, ...nameParameters(layout, weights) };
        const losses = computeLosses(objective, parameters, { images: (at) => inputs[levelInput(at)] as Tensor4D });
        primal = tf.keep(losses.primal.clone());
        return losses.dual as never;
      };
      const { value, grads } = tf.valueAndGrads(total)(sliceParameters(layout, inputs['parameters']));
      const gradient = tf.concat(grads.map((grad, i) => tf.reshape(grad, [layout.slots[i].size])));
      const primalLoss = (primal as Tensor).clone();
      tf.dispose(primal as Tensor);
      return { gradient, primalLoss, dualLoss: value };
    },
  });
}

/** What was learnt until the last step or until the signal fired. */
export async function trainDuals(options: TrainDualsOptions): Promise<Values> {
  const { spec, parameters, steps, seed, engine, provider, workers, batchSize, lrPatchSize, microBatchSize } = options;
  const base = createObjective(spec, 1);
  const layout = layOutParameters(base.duals);
  const objective = { ...base, layout };
  const values = Object.assign({}, ...base.duals.map((dual) => initialiseParameters(dual, createRandom(seed, 0xd0a1))));
  const start = flattenParameters(layout, values);
  const zeros = () => new Float32Array(start.length);
  const state = { parameters: start, firstMoment: zeros(), secondMoment: zeros(), average: start.slice() };
  const degradation = degradationOf(spec);
  const common = { batchSize, lrPatchSize, microBatchSize, program: dualProgram(parameters) };
  const pool = await openGradients(objective, engine, { ...common, workers, provider });
  const stepper = await createSplitStepper(pool, engine, state, updateProgram(objective));
  try {
    const never = steps + 1;
    const loop = { degradation, seed, batchSize, lrPatchSize, checkpointEvery: never, validateEvery: never };
    const { state: end } = await trainLoop(
      { step: 0, usualLoss: Number.POSITIVE_INFINITY },
      { ...loop, schedule: { steps, learningRate: LEARNING_RATE, warmupSteps: Math.min(20, steps) } },
      {
        stepper,
        dataset: options.dataset,
        save: async () => {},
        validate: async () => Number.NaN,
        report: (event) => event.type === 'step' && options.report(event.step, event.dualLoss),
        signal: options.signal,
      },
    );
    return Object.assign({}, ...base.duals.map((dual) => unflattenParameters(layout, end.average, dual)));
  } finally {
    await stepper.close();
  }
}
