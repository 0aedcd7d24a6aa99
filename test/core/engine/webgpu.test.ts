import { beforeAll, describe, expect, test } from 'vitest';
import { noWebgpu, runWithWebgpu } from '../../helpers/webgpu.ts';

interface Report {
  readonly networks: Readonly<Record<string, number>>;
  readonly sum: readonly number[];
  readonly picture: number;
  readonly blind: { readonly code: number; readonly picture: number };
}

describe.skipIf(noWebgpu !== '')(`WebGPU${noWebgpu}`, () => {
  let report: Report;
  beforeAll(async () => {
    report = await runWithWebgpu<Report>(new URL('./webgpu-inference.ts', import.meta.url));
  }, 180_000);

  test.each(['edge x2', 'edge x3, pruned', 'edge x4', 'drn x2'])(
    'enlarges as the CPU does, at sizes that change: %s',
    (network) => {
      expect(report.networks[network]).toBeLessThan(1e-4);
    },
  );

  test('keeps state on the device and brings it back', () => {
    expect(report.sum).toEqual([16, 14]);
  });

  test('serves the pixels that the CPU serves', () => {
    expect(report.picture).toBeLessThanOrEqual(1);
  });

  test('sees the degradation that the CPU sees, and enlarges by it', () => {
    expect(report.blind.code).toBeLessThan(1e-4);
    expect(report.blind.picture).toBeLessThanOrEqual(1);
  });
});
