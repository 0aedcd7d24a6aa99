import { describe, expect, test } from 'vitest';
import type { NodePlacement } from '../../../src/core/engine/onnx/node-placement.ts';
import { STATE } from '../../../src/trainer/train/step/optimizer.ts';
import { DRN_X2, EDGE_X3, relativeDistance, residentSteps, splitSteps } from './steps.ts';

describe('a whole step as one program', () => {
  test.each([
    { spec: EDGE_X3, optimizer: 'adam' },
    { spec: EDGE_X3, optimizer: 'muon' },
    { spec: DRN_X2, optimizer: 'muon' },
  ] as const)('leads where gradients and then the optimiser lead: $spec.family, $optimizer', async (tried) => {
    const { spec, optimizer } = tried;
    const placements: NodePlacement[] = [];
    const onPlacement = (placement: NodePlacement) => placements.push(placement);
    const [split, resident] = [
      await splitSteps(spec, 20, optimizer),
      await residentSteps(spec, 20, { provider: 'cpu', onPlacement }, optimizer),
    ];
    for (const name of STATE) expect(relativeDistance(resident.state[name], split.state[name])).toBeLessThan(1e-4);
    expect(relativeDistance(resident.losses, split.losses)).toBeLessThan(1e-5);
    expect(relativeDistance(resident.norms, split.norms)).toBeLessThan(1e-4);
    expect(placements).toMatchObject([{ provider: 'cpu', cpuNodes: {} }]);
  });

  test('takes nothing over from a step that was not accepted', async () => {
    // Without the last, unaccepted step the state is that of seven steps.
    const [seven, eight] = [
      await residentSteps(EDGE_X3, 7, { provider: 'cpu' }),
      await residentSteps(EDGE_X3, 8, { provider: 'cpu' }),
    ];
    expect(eight.state).toEqual(seven.state);
    expect(eight.losses).not.toEqual(seven.losses);
  });
});
