/** Stage `plan`: which widths may be chosen, and what each costs in the budget's unit. */
import { join } from 'node:path';
import { badOption } from '../../core/errors.ts';
import { modelCost } from '../../core/models/manifest.ts';
import { additiveCosts, type LatencyBudget, type SharedBudget, timedMultiple } from './budget.ts';
import type { Compression } from './compression.ts';
import {
  cachedLatencyTable,
  dropDominated,
  type LatencyTable,
  latencyCosts,
  measureLatencyTable,
} from './latency/latency-table.ts';
import { listCandidates } from './search/candidates.ts';

export interface BudgetPlan {
  /** Per prunable width, ascending. */
  readonly candidates: readonly (readonly number[])[];
  /** Absent for a ratio. */
  readonly shared?: SharedBudget;
  /** The base's latency, where the budget is one. */
  readonly fullMs?: number;
}

/** Share of the target that the search aims at: the measured time should be just below the target. */
const AIM = 0.97;
/** A budget that is spent to less than this share is not spent. */
const SPENT = 0.925;

async function measureTable(compression: Compression, budget: LatencyBudget): Promise<LatencyTable> {
  const { settings, base, hooks } = compression;
  const { spec } = base.manifest;
  const { machine, engine, provider, multiple, out } = settings;
  const { width, height, percentile = 50, threads = 1 } = budget;
  const candidates = listCandidates(spec, timedMultiple(spec, multiple));
  const conditions = {
    machine,
    engine,
    provider,
    threads,
    width,
    height,
    percentile,
    spec,
    candidates,
    graph: 'served',
  } as const;
  return cachedLatencyTable(
    join(out, 'latency-tables.json'),
    conditions,
    async () => {
      const meter = await compression.openMeter();
      try {
        return await measureLatencyTable(spec, candidates, meter, hooks.signal);
      } finally {
        await meter.close();
      }
    },
    hooks.now,
  );
}

async function planLatency(compression: Compression, budget: LatencyBudget): Promise<BudgetPlan> {
  const table = dropDominated(await measureTable(compression, budget));
  const { latencyMs } = budget;
  const model = latencyCosts(table);
  const least = model.costs.reduce((sum, costs) => sum + Math.min(...costs), model.fixed);
  if (latencyMs >= table.fullMs || latencyMs <= least) {
    const range = `above ${least.toFixed(2)} ms, what the smallest widths take, and below ${table.fullMs.toFixed(2)} ms, what the model takes now`;
    throw badOption('--latency', range, `${latencyMs} ms`);
  }
  return {
    candidates: table.widths.map(({ candidates }) => candidates),
    shared: { model, limit: AIM * latencyMs, floor: SPENT * latencyMs },
    fullMs: table.fullMs,
  };
}

/** @throws DS_BAD_OPTION for a latency that the model has already, or that no choice of widths has. */
export async function planBudget(compression: Compression): Promise<BudgetPlan> {
  const { settings, base } = compression;
  const { budget, multiple } = settings;
  const { spec } = base.manifest;
  if (budget.kind === 'latency') return planLatency(compression, budget);
  if (budget.kind === 'ratio') return { candidates: listCandidates(spec, multiple, budget.ratio) };
  const candidates = listCandidates(spec, multiple);
  const isParams = budget.kind === 'params';
  const limit = isParams ? budget.parameters : budget.macs;
  const model = additiveCosts(isParams ? 'parameters' : 'macs', spec, candidates, (of) => {
    const { parameters, macs } = modelCost(of);
    return isParams ? parameters : macs.for1280x720;
  });
  const least = model.costs.reduce((sum, costs) => sum + Math.min(...costs), model.fixed);
  const option = isParams ? '--params' : '--macs';
  if (least > limit) throw badOption(option, `at least ${least}, what the smallest widths have`, limit);
  return { candidates, shared: { model, limit, floor: SPENT * limit } };
}
