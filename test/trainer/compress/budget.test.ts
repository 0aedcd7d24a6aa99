import { describe, expect, test } from 'vitest';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import { countMacs, countParameters } from '../../../src/core/network/network.ts';
import { withWidths } from '../../../src/core/network/prunable.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { additiveCosts, type Budget, checkBudget, costOf } from '../../../src/trainer/compress/budget.ts';
import { listCandidates } from '../../../src/trainer/compress/search/candidates.ts';

const EDGE: NetworkSpec = { family: 'edge', scale: 4, featureCount: 32, innerWidths: [32, 16, 32] };
const DRN: NetworkSpec = { family: 'drn', scale: 4, featureCount: 16, blockCount: 2 };

describe('additiveCosts', () => {
  const costs = {
    parameters: (spec: NetworkSpec) => countParameters(createNetwork(spec)),
    macs: (spec: NetworkSpec) => countMacs(createNetwork(spec), 320, 180),
  };
  test.each([EDGE, DRN])('give the size of any choice of widths of $family', (spec) => {
    const candidates = listCandidates(spec, 8);
    for (const unit of ['parameters', 'macs'] as const) {
      const model = additiveCosts(unit, spec, candidates, costs[unit]);
      for (const shift of [0, 1, 3]) {
        const choice = candidates.map(({ length }, at) => (at + shift) % length);
        const widths = choice.map((i, at) => candidates[at][i]);
        expect(costOf(model, choice) / costs[unit](withWidths(spec, widths))).toBeCloseTo(1, 9);
      }
    }
  });
});

describe('checkBudget', () => {
  const latency = { kind: 'latency', latencyMs: 20, width: 320, height: 180 } as const;
  const accepted: Budget[] = [
    { kind: 'ratio', ratio: 0.3 },
    { kind: 'params', parameters: 20_000 },
    { kind: 'macs', macs: 1e9 },
    { ...latency, percentile: 99 },
  ];
  test.each(accepted)('accepts $kind', (budget) => {
    expect(() => checkBudget(budget, EDGE)).not.toThrow();
  });

  test.each([
    { budget: { kind: 'ratio', ratio: 1 }, message: '`--ratio` to be above 0 and below 1, got `1`' },
    { budget: { kind: 'ratio', ratio: 0 }, message: 'got `0`' },
    { budget: { kind: 'params', parameters: 1e9 }, message: '`--params` to be below the 61024 that the network has' },
    { budget: { kind: 'params', parameters: 0 }, message: 'got `0`' },
    { budget: { kind: 'macs', macs: 1e15 }, message: '`--macs` to be below the' },
    { budget: { ...latency, latencyMs: Number.NaN }, message: '`--latency` to be above 0 ms' },
    { budget: { ...latency, percentile: 100 }, message: '`--percentile` to be from 1 to 99, got `100`' },
  ] as { budget: Budget; message: string }[])('refuses $budget', ({ budget, message }) => {
    expect(() => checkBudget(budget, EDGE)).toThrow(message);
  });
});
