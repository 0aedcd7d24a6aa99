import { beforeAll, describe, expect, test } from 'vitest';
import { STATE } from '../../../src/trainer/train/step/optimizer.ts';
import { noWebgpu, runWithWebgpu } from '../../helpers/webgpu.ts';
import type { StepsReport } from './webgpu-steps.ts';

describe.skipIf(noWebgpu !== '')(`training on WebGPU${noWebgpu}`, () => {
  let reports: Readonly<Record<string, StepsReport>>;
  beforeAll(async () => {
    reports = await runWithWebgpu(new URL('./webgpu-steps.ts', import.meta.url));
  }, 180_000);

  // x3: the tail's gradient has 27 channels, which the provider's own convolution misreads.
  test.each([
    { family: 'edge', steps: 20, leastMoved: 0.02 },
    { family: 'muon', steps: 20, leastMoved: 0.02 },
    { family: 'drn', steps: 4, leastMoved: 0.005 },
  ])('ends where the CPU ends after $steps steps: $family', ({ family, leastMoved }) => {
    const { moved, losses, state } = reports[family] as StepsReport;
    expect(moved).toBeGreaterThan(leastMoved);
    for (const name of STATE) expect(state[name]).toBeLessThan(1e-3);
    expect(losses).toBeLessThan(1e-3);
  });

  test.each(['edge', 'muon', 'drn'])('leaves no node to the CPU: %s', (family) => {
    expect(reports[family]?.placement).toMatchObject({ provider: 'webgpu', cpuNodes: {} });
  });
});
