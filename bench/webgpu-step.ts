/**
 * A training step on a GPU through WebGPU: what docs/gpu.md shows.
 * Run with: npx tsx bench/webgpu-step.ts [--seconds 4] [--batch 16] [--patch 64]
 */
import { parseArgs } from 'node:util';
import { describePlacement, type NodePlacement } from '../src/core/engine/onnx/node-placement.ts';
import { median } from '../src/core/measure/percentile.ts';
import { initialiseParameters } from '../src/core/network/create-network.ts';
import type { NetworkSpec } from '../src/core/network/spec.ts';
import { createRandom } from '../src/core/random.ts';
import { findPreset } from '../src/trainer/presets/presets.ts';
import { createObjective } from '../src/trainer/train/step/objective.ts';
import { flattenParameters } from '../src/trainer/train/step/parameter-layout.ts';
import { createResidentStepper } from '../src/trainer/train/step/resident-stepper.ts';
import { timeOnce } from './timing.ts';

const PRESETS = ['edge-x4', 'edge-l-x4', 'edge-blind-x4', 'drn-xs-x4'];
const WARM_UP_STEPS = 3;
const NUMBERS = { learningRate: 1e-4, beta1Correction: 0.5, beta2Correction: 0.5, emaDecay: 0.9 };

const text = (value: string) => ({ type: 'string', default: value }) as const;
const { values: flags } = parseArgs({ options: { seconds: text('4'), batch: text('16'), patch: text('64') } });
const shape = { batchSize: Number(flags.batch), lrPatchSize: Number(flags.patch) };

async function measure(spec: NetworkSpec): Promise<{ stepMs: number[]; placement: NodePlacement | undefined }> {
  const objective = createObjective(spec, 0.1);
  const random = createRandom(1);
  const networks = [objective.primal, ...objective.duals];
  const initial = Object.assign({}, ...networks.map((network) => initialiseParameters(network, random)));
  const parameters = flattenParameters(objective.layout, initial);
  const zeros = () => new Float32Array(parameters.length);
  const start = { parameters, firstMoment: zeros(), secondMoment: zeros(), average: parameters.slice() };
  let placement: NodePlacement | undefined;
  const stepper = await createResidentStepper(objective, start, {
    ...shape,
    provider: 'webgpu',
    onPlacement: (found) => {
      placement = found;
    },
  });
  for (const image of stepper.images.values()) for (let i = 0; i < image.length; i++) image[i] = random();
  const step = async () => {
    await stepper.compute(NUMBERS);
    await stepper.accept();
  };
  for (let i = 0; i < WARM_UP_STEPS; i++) await step();
  const end = performance.now() + Number(flags.seconds) * 1000;
  const stepMs = [];
  do stepMs.push(await timeOnce(step));
  while (performance.now() < end);
  await stepper.close();
  return { stepMs, placement };
}

console.log(`a step with ${shape.batchSize} patches of ${shape.lrPatchSize} pixels, dual weight 0.1`);
for (const id of PRESETS) {
  const { stepMs, placement } = await measure(findPreset(id).recipe.spec);
  const where = placement ? describePlacement(placement) : '';
  console.log(
    `${id}: median ${median(stepMs).toFixed(1)} ms of ${stepMs.length}, least ${Math.min(...stepMs).toFixed(1)}; ${where}`,
  );
}
