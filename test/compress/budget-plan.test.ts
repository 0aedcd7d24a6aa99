import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Budget, costOf } from '../../src/compress/budget.ts';
import { evenChoice, fitPlan, type PlanOptions, planBudget } from '../../src/compress/budget-plan.ts';
import type { LatencyMeter } from '../../src/compress/latency/latency-meter.ts';
import { evenValues } from '../../src/compress/search/pick-widths.ts';
import { countMacs, countParameters } from '../../src/network/count.ts';
import { createNetwork } from '../../src/network/create-network.ts';
import type { DrnSpec, EdgeSpec, NetworkSpec } from '../../src/network/network.ts';
import { withWidths } from '../../src/network/prunable.ts';

const EDGE: EdgeSpec = { family: 'edge', scale: 4, featureCount: 32, innerWidths: new Array(10).fill(32) };
const DRN: DrnSpec = { family: 'drn', scale: 4, featureCount: 16, blockCount: 3 };

/** A machine on which a block takes a step for every 16 channels. */
const stepMs = ({ innerWidths }: EdgeSpec): number =>
  innerWidths.reduce((sum, width) => sum + 12 * Math.ceil(width / 16) + (width > 0 ? 3 : 0), 40);
const FULL_MS = stepMs(EDGE);
const meter: LatencyMeter = {
  compare: async (specs) => ({ ratios: specs.map((spec) => stepMs(spec as EdgeSpec) / FULL_MS), fullMs: FULL_MS }),
  close: async () => {},
};

const options = async (): Promise<PlanOptions> => ({
  ...{ meter, engine: { name: 'onnx', provider: 'cpu' }, machine: 'test' },
  tableFile: join(await mkdtemp(join(tmpdir(), 'plan-')), 'tables.json'),
  now: () => 1,
});
const planFor = async (budget: Budget, spec: NetworkSpec = EDGE) => planBudget(budget, spec, await options());
const latency = (latencyMs: number) => ({ kind: 'latency', latencyMs, width: 320, height: 180 }) as const;

describe('planBudget', () => {
  test('of a ratio caps every width by itself', async () => {
    const plan = await planFor({ kind: 'ratio', ratio: 0.5 }, DRN);
    expect(plan.shared).toBeUndefined();
    expect(plan.candidates[2]).toEqual([16, 20, 20, 24, 28, 32]);
    expect(evenChoice(plan)).toEqual(plan.candidates.map(() => 5));
  });

  test.each([EDGE, DRN])('of parameters and multiply-accumulates costs what the slim $family has', async (spec) => {
    const count = (slim: NetworkSpec) => countParameters(createNetwork(slim));
    const macs = (slim: NetworkSpec) => countMacs(createNetwork(slim), 320, 180);
    for (const [budget, cost] of [
      [{ kind: 'params', parameters: 0.6 * count(spec) }, count],
      [{ kind: 'macs', macs: 0.6 * macs(spec) }, macs],
    ] as const) {
      const { candidates, shared } = await planFor(budget, spec);
      const choice = candidates.map(({ length }, at) => (at * 2) % length);
      const slim = withWidths(
        spec,
        choice.map((i, at) => candidates[at][i]),
      );
      const model = shared?.model as NonNullable<typeof shared>['model'];
      expect(costOf(model, choice) / cost(slim)).toBeCloseTo(1, 9);
    }
  });

  test('of a latency leaves only widths that are faster than wider ones', async () => {
    const { candidates, table } = await planFor(latency(0.5 * FULL_MS));
    expect(candidates).toEqual(new Array(10).fill([0, 16, 32]));
    expect(table?.fixedMs).toBeCloseTo(40, 6);
  });

  test.each([
    { budget: { kind: 'ratio', ratio: 1 }, message: '`--ratio` to be above 0 and below 1' },
    { budget: { kind: 'params', parameters: 100 }, message: '`--params` to be from' },
    { budget: { kind: 'params', parameters: 1e9 }, message: '`--params` to be below the' },
    { budget: { kind: 'macs', macs: 1e15 }, message: '`--macs` to be from' },
    { budget: latency(39), message: '`--latency` to be from 40.0 ms' },
    { budget: latency(FULL_MS), message: "to below 310.0 ms, the uncompressed one's, got `310 ms`" },
    { budget: latency(Number.NaN), message: '`--latency` to be above 0 ms' },
    { budget: { ...latency(100), percentile: 100 }, message: '`--percentile` to be from 1 to 99' },
  ] as { budget: Budget; message: string }[])('refuses $budget', async ({ budget, message }) => {
    await expect(planFor(budget)).rejects.toThrow(message);
  });
});

describe('fitPlan', () => {
  test.each([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9])('meets %f of the full time', async (share) => {
    const budget = latency(share * FULL_MS);
    const plan = await planFor(budget);
    const values = evenValues(plan.candidates);
    const fitted = await fitPlan({ ...{ spec: EDGE, budget, plan, values, meter }, choice: evenChoice(plan) });
    expect(fitted.fits).toBe(true);
    const ms = stepMs({ ...EDGE, innerWidths: fitted.widths });
    expect(ms / budget.latencyMs).toBeGreaterThanOrEqual(0.9);
    expect(ms / budget.latencyMs).toBeLessThanOrEqual(1);
  });
});
