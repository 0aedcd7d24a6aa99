/** From a budget to what search and fitting need: which widths there are, what each costs, and how much all may cost. */
import type { Engine } from '../engine/engine.ts';
import { badOption } from '../errors.ts';
import { countMacs, countParameters } from '../network/count.ts';
import { createNetwork } from '../network/create-network.ts';
import type { NetworkSpec } from '../network/network.ts';
import { withWidths } from '../network/prunable.ts';
import {
  additiveCosts,
  type Budget,
  type CostModel,
  checkBudget,
  type LatencyBudget,
  type Multiple,
} from './budget.ts';
import { AIM, type FitOptions, type FitResult, fitLatency } from './latency/fit-latency.ts';
import type { LatencyMeter } from './latency/latency-meter.ts';
import { dropDominated, type LatencyTable, latencyCosts, measureLatencyTable } from './latency/latency-table.ts';
import { cachedLatencyTable } from './latency/table-cache.ts';
import { listCandidates } from './search/candidates.ts';
import { chooseWidths } from './search/choose-widths.ts';
import { evenValues, type SharedBudget } from './search/pick-widths.ts';

export interface BudgetPlan {
  /** Per prunable width, ascending. */
  readonly candidates: readonly (readonly number[])[];
  /** Absent for a ratio. */
  readonly shared?: SharedBudget;
  /** Present for a latency. */
  readonly table?: LatencyTable;
}

export interface PlanOptions {
  /** Widths shared by a budget are multiples of this. @default 4 for `edge`, 16 for `drn`, whose many wide layers take long to measure */
  readonly multiple?: Multiple;
  /** Needed for a latency: compares networks at the budget's size, threads and percentile. */
  readonly meter?: LatencyMeter;
  /** What the meter runs them on. */
  readonly engine: Pick<Engine, 'name' | 'provider'>;
  /** `describeMachine()`. */
  readonly machine: string;
  /** JSON file of latency tables. */
  readonly tableFile: string;
  /** Stored tables that are older are measured anew, in milliseconds since 1970. @default 0 */
  readonly tableNotBefore?: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly signal?: AbortSignal;
}

const defaultMultiple = ({ family }: NetworkSpec): Multiple => (family === 'drn' ? 16 : 4);

/** Cost of the cheapest widths and of the full ones. */
function costRange({ fixed, costs }: CostModel): { least: number; most: number } {
  const sum = (pick: (options: readonly number[]) => number) =>
    costs.reduce((total, options) => total + pick(options), fixed);
  return { least: sum((options) => Math.min(...options)), most: sum((options) => options.at(-1) as number) };
}

async function planLatency(budget: LatencyBudget, spec: NetworkSpec, options: PlanOptions): Promise<BudgetPlan> {
  const {
    meter,
    engine,
    machine,
    tableFile,
    tableNotBefore = 0,
    now,
    signal,
    multiple = defaultMultiple(spec),
  } = options;
  if (!meter) throw new Error('a latency budget needs a meter');
  const { latencyMs, width, height, percentile = 50, threads = 1 } = budget;
  const candidates = listCandidates(spec, multiple);
  const conditions = {
    ...{ machine, engine: engine.name, provider: engine.provider, threads, width, height, percentile },
    ...{ spec, candidates, notBefore: tableNotBefore },
  };
  const measure = () => measureLatencyTable(spec, candidates, meter, signal);
  const table = dropDominated(await cachedLatencyTable(tableFile, conditions, measure, now));
  const model = latencyCosts(table);
  const { least } = costRange(model);
  if (latencyMs >= table.fullMs || latencyMs < least) {
    const range = `from ${least.toFixed(1)} ms, the smallest network's time here, to below ${table.fullMs.toFixed(1)} ms, the uncompressed one's`;
    throw badOption('--latency', range, `${latencyMs} ms`);
  }
  const shared = { model, limit: Math.max(least, AIM.high * latencyMs), floor: AIM.low * latencyMs };
  return { candidates: table.widths.map((times) => times.candidates), shared, table };
}

/** @throws DS_BAD_OPTION when no widths meet the budget, or the full ones do. */
export async function planBudget(budget: Budget, spec: NetworkSpec, options: PlanOptions): Promise<BudgetPlan> {
  checkBudget(budget, spec);
  if (budget.kind === 'latency') return planLatency(budget, spec, options);
  const { multiple = defaultMultiple(spec) } = options;
  if (budget.kind === 'ratio') return { candidates: listCandidates(spec, budget.multiple ?? 4, budget.ratio) };
  const candidates = listCandidates(spec, multiple);
  const isParams = budget.kind === 'params';
  const cost = isParams
    ? (slim: NetworkSpec) => countParameters(createNetwork(slim))
    : (slim: NetworkSpec) => countMacs(createNetwork(slim), 1280 / slim.scale, 720 / slim.scale);
  const model = additiveCosts(isParams ? 'parameters' : 'macs', spec, candidates, cost);
  const limit = isParams ? budget.parameters : budget.macs;
  const { least, most } = costRange(model);
  if (limit < least || limit >= most) {
    throw badOption(isParams ? '--params' : '--macs', `from ${least} to below ${most}`, limit);
  }
  return { candidates, shared: { model, limit } };
}

/** Equal shares of all widths: the baseline without a search. Indices of the candidates, per width. */
export function evenChoice({ candidates, shared }: BudgetPlan): readonly number[] {
  if (!shared) return candidates.map(({ length }) => length - 1);
  return chooseWidths(evenValues(candidates), shared.model, shared)?.choice ?? candidates.map(() => 0);
}

export interface FitPlanOptions extends Pick<FitOptions, 'choice' | 'report' | 'maxAttempts'> {
  readonly spec: NetworkSpec;
  readonly budget: LatencyBudget;
  readonly plan: BudgetPlan;
  /** `SearchedWidth.values`, or `evenValues` of the candidates. */
  readonly values: readonly (readonly number[])[];
  readonly meter: LatencyMeter;
  readonly signal?: AbortSignal;
}

/**
 * Changes widths until the real network, run beside the uncompressed one, meets the budget. All times are in the
 * table's milliseconds: what counts is how much faster the network is than the uncompressed one.
 */
export async function fitPlan(options: FitPlanOptions): Promise<FitResult & { readonly widths: readonly number[] }> {
  const { spec, budget, plan, values, meter, signal, ...rest } = options;
  const { candidates, shared, table } = plan;
  if (!shared || !table) throw new Error('only a latency is fitted');
  const widthsOf = (choice: readonly number[]) => choice.map((at, width) => candidates[width][at]);
  const measure = async (choice: readonly number[]) => {
    const { ratios } = await meter.compare([withWidths(spec, widthsOf(choice))], signal);
    return ratios[0] * table.fullMs;
  };
  const fitted = await fitLatency({ ...rest, targetMs: budget.latencyMs, model: shared.model, values, measure });
  if (!fitted) throw badOption('--latency', 'a time that some widths are predicted to meet', budget.latencyMs);
  return { ...fitted, widths: widthsOf(fitted.choice) };
}
