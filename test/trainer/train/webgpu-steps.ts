/** Child process: sends how far steps on WebGPU lead from those on the CPU, and what the provider left to the CPU. */
import type { NodePlacement } from '../../../src/core/engine/onnx/node-placement.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { type OptimizerName, STATE } from '../../../src/trainer/train/step/optimizer.ts';
import { DRN_X2, EDGE_X3, relativeDistance, residentSteps, splitSteps } from './steps.ts';

export interface StepsReport {
  /** Relative distances: of the CPU's parameters from the start, and of WebGPU's values from the CPU's. */
  readonly moved: number;
  readonly losses: number;
  readonly state: Readonly<Record<string, number>>;
  readonly placement: NodePlacement | undefined;
}

async function compare(spec: NetworkSpec, steps: number, optimizer?: OptimizerName): Promise<StepsReport> {
  let placement: NodePlacement | undefined;
  const onPlacement = (found: NodePlacement) => {
    placement = found;
  };
  const [start, cpu] = [await splitSteps(spec, 0), await splitSteps(spec, steps, optimizer)];
  const gpu = await residentSteps(spec, steps, { provider: 'webgpu', onPlacement }, optimizer);
  return {
    moved: relativeDistance(cpu.state.parameters, start.state.parameters),
    losses: relativeDistance(gpu.losses, cpu.losses),
    state: Object.fromEntries(STATE.map((name) => [name, relativeDistance(gpu.state[name], cpu.state[name])])),
    placement,
  };
}

// Most of the time goes into compiling shaders, which both share.
process.send?.({
  edge: await compare(EDGE_X3, 20),
  muon: await compare(EDGE_X3, 20, 'muon'),
  drn: await compare(DRN_X2, 4),
});
process.disconnect?.();
