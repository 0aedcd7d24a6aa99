/** One training configuration in a process of its own, which makes its peak memory known. Sends a `TrainStepReport`. */
import { createOnnxEngine } from '../src/core/engine/onnx/onnx-engine.ts';
import type { TensorData } from '../src/core/graph/program.ts';
import { initialiseParameters } from '../src/core/network/create-network.ts';
import type { EdgeSpec } from '../src/core/network/spec.ts';
import { createRandom } from '../src/core/random.ts';
import { createGradientPool } from '../src/trainer/train/step/gradient-pool.ts';
import { createObjective } from '../src/trainer/train/step/objective.ts';
import { adamProgram, nextName, STATE } from '../src/trainer/train/step/optimizer.ts';
import { flattenParameters } from '../src/trainer/train/step/parameter-layout.ts';
import { caseConfig } from './fork-case.ts';
import { timeOnce } from './timing.ts';

export interface TrainStepConfig {
  readonly spec: EdgeSpec;
  readonly dualWeight: number;
  readonly batchSize: number;
  readonly lrPatchSize: number;
  readonly microBatchSize: number;
  readonly workers: number;
  readonly warmUpSteps: number;
  readonly steps: number;
}

export interface TrainStepReport {
  readonly setUpMs: number;
  readonly stepMs: readonly number[];
  /** Of the whole process with its workers, MiB. */
  readonly peakRssMiB: number;
}

async function runCase(config: TrainStepConfig): Promise<TrainStepReport> {
  const { spec, dualWeight, batchSize, lrPatchSize, microBatchSize, workers } = config;
  const start = performance.now();
  const random = createRandom(1);
  const objective = createObjective(spec, dualWeight);
  const networks = [objective.primal, ...objective.duals];
  const initial = Object.assign({}, ...networks.map((network) => initialiseParameters(network, random)));
  const pool = await createGradientPool(objective, { batchSize, lrPatchSize, microBatchSize, workers });
  const { size } = objective.layout;
  const adam = await createOnnxEngine({ threads: 1 }).compile(adamProgram(size));
  const setUpMs = performance.now() - start;
  for (const image of pool.images.values()) for (let i = 0; i < image.length; i++) image[i] = random();

  const vector = (data: TensorData['data']): TensorData => ({ dtype: 'float32', shape: [size], data });
  const scalar = (value: number): TensorData => ({ dtype: 'float32', shape: [], data: Float32Array.of(value) });
  let state = Object.fromEntries(STATE.map((name) => [name, vector(new Float32Array(size))]));
  state['parameters'] = vector(flattenParameters(objective.layout, initial));
  const scalars = {
    learningRate: scalar(1e-3),
    beta1Correction: scalar(0.5),
    beta2Correction: scalar(0.5),
    emaDecay: scalar(0.9),
  };
  const step = async () => {
    const { gradient } = await pool.compute(state['parameters'].data as Float32Array);
    const next = await adam.run({ ...state, ...scalars, gradient: vector(gradient) });
    state = Object.fromEntries(STATE.map((name) => [name, next[nextName(name)]]));
  };
  for (let i = 0; i < config.warmUpSteps; i++) await step();
  const stepMs: number[] = [];
  for (let i = 0; i < config.steps; i++) stepMs.push(await timeOnce(step));
  await pool.close();
  await adam.release();
  // Node reports KiB on every platform.
  return { setUpMs, stepMs, peakRssMiB: process.resourceUsage().maxRSS / 1024 };
}

process.send?.(await runCase(caseConfig<TrainStepConfig>()));
