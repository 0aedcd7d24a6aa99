/**
 * Training steps whose state stays on the device, as one program in one worker thread: on a GPU nothing
 * but images goes in and a few numbers come out.
 */

import type { NodePlacement } from '../../../core/engine/onnx/node-placement.ts';
import { targetOf } from '../../../core/engine/onnx/onnx-engine.ts';
import type { Provider } from '../../../core/engine/runtime.ts';
import { scriptFor } from '../../../core/engine/worker-script.ts';
import { compileProgram } from '../../../core/graph/compile.ts';
import { serializeOnnx } from '../../../core/graph/onnx-model.ts';
import type { Program } from '../../../core/graph/program.ts';
import { LOSSES, meanLosses, nameBuffers } from './gradients.ts';
import { type BatchShape, batchInputs, type GradientProgram, gradientProgram, type Objective } from './objective.ts';
import { STATE, updateProgram } from './optimizer.ts';
import type { ComputeAnswer, ResidentRequest, ResidentWorkerData } from './resident-worker.ts';
import type { Stepper, TrainState } from './stepper.ts';
import { nextAnswer, startWorker } from './worker-thread.ts';

/** Inputs: the state vectors, the batch and the optimiser's scalars. Outputs: the new state vectors, `gradientNorm` and the losses. */
function stepProgram(
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

export interface ResidentStepperOptions extends BatchShape {
  readonly provider: Provider;
  /** Intra-op threads for what falls to the CPU. @default 1 */
  readonly threads?: number;
  /** @default Adam's */
  readonly update?: Program;
  /** Called after the first step with the nodes that the provider left to the CPU. */
  readonly onPlacement?: (placement: NodePlacement) => void;
  /** Another program with the inputs and outputs of `gradientProgram`, which is the default. */
  readonly program?: GradientProgram;
}

const shared = (length: number) => new Float32Array(new SharedArrayBuffer(length * 4));

export async function createResidentStepper(
  objective: Objective,
  start: TrainState,
  options: ResidentStepperOptions,
): Promise<Stepper> {
  const { provider, threads = 1, update, onPlacement } = options;
  const program = stepProgram(objective, options, update, options.program);
  const onnx = serializeOnnx(compileProgram(program, { target: targetOf(provider) }));
  const specs = Object.entries(batchInputs(objective, options));
  const lengths = specs.map(([name, { shape }]) => [name, shape.reduce((a, b) => a * b)] as const);
  const next = new Map(lengths.map(([name, length]) => [name, new Float32Array(length)]));
  const batch = Object.fromEntries(
    specs.map(([name, { shape }]) => [name, { shape, values: shared((next.get(name) as Float32Array).length) }]),
  );
  const state = Object.fromEntries(STATE.map((name) => [name, shared(objective.layout.size)])) as unknown as TrainState;
  for (const name of STATE) state[name].set(start[name]);
  const workerData: ResidentWorkerData = { onnx, provider, threads, batch, state };
  const worker = startWorker(scriptFor(import.meta.url, 'resident-worker'), workerData);
  await nextAnswer(worker);
  const ask = <Answer>(request: ResidentRequest): Promise<Answer> => {
    const answer = nextAnswer<Answer>(worker);
    worker.postMessage(request);
    return answer;
  };
  let gradientNorm = 0;
  return {
    ...nameBuffers(objective, next),
    async compute(numbers) {
      for (const [name, values] of next) batch[name].values.set(values);
      const { results, placement } = await ask<ComputeAnswer>({ type: 'compute', numbers });
      if (placement) onPlacement?.(placement);
      gradientNorm = results['gradientNorm'];
      const sums = LOSSES.map((name) => results[name] ?? 0);
      return meanLosses(objective, sums, 1);
    },
    async accept() {
      await ask({ type: 'accept' });
      return gradientNorm;
    },
    async readState() {
      await ask({ type: 'read' });
      return Object.fromEntries(STATE.map((name) => [name, state[name].slice()])) as unknown as TrainState;
    },
    async close() {
      // The worker frees the device's memory; one that died has nothing left to free.
      await ask({ type: 'close' }).catch(() => {});
      await worker.terminate();
    },
  };
}
