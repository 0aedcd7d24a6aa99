/** Stages `search` and `fit`: one width for each layer, and the proof that the network of these widths is as fast as asked for. */
import { join } from 'node:path';
import { badOption, DualscaleError } from '../../core/errors.ts';
import { withWidths } from '../../core/network/prunable.ts';
import type { ParameterValues } from '../../core/network/spec.ts';
import { type Compression, stageFolder, stopIfAsked } from './compression.ts';
import { type FitResult, fitLatency } from './latency/fit-latency.ts';
import type { BudgetPlan } from './plan-budget.ts';
import type { Values } from './prune/pruned-network.ts';
import { chooseWidths, evenValues } from './search/choose-widths.ts';
import type { SearchedWidth } from './search/search-state.ts';
import { type SearchEvent, searchWidths } from './search/search-widths.ts';

export interface FoundWidths {
  /** One per prunable width. */
  readonly widths: readonly number[];
  /** Per width and candidate, by which the fit chooses others. */
  readonly values: readonly (readonly number[])[];
  /** In the budget's unit; absent for a ratio. */
  readonly predicted?: number;
  /** What the search learnt; absent for uniform widths. */
  readonly searched?: readonly SearchedWidth[];
}

/** Weight of the dual loss in search and pruning, the paper's. */
export const DUAL_WEIGHT = 0.1;

/** All widths alike, as wide as the budget allows: the baseline. */
function uniformWidths({ candidates, shared }: BudgetPlan): FoundWidths {
  const values = evenValues(candidates);
  // Without a shared budget the largest candidate is what the ratio leaves.
  if (!shared) return { widths: candidates.map((options) => Math.max(...options)), values };
  const found = chooseWidths(values, shared.model, shared);
  if (!found) throw new DualscaleError('DS_BAD_OPTION', 'no choice of widths meets the budget');
  return { widths: found.choice.map((at, width) => candidates[width][at]), values, predicted: found.cost };
}

function createReporter({ progress }: Compression, isLatency: boolean) {
  let psnr = {};
  return (event: SearchEvent): void => {
    if (event.type === 'search-choice') psnr = { psnrDb: event.psnrDb };
    else {
      const { step, steps, loss, expected } = event;
      progress.step({ step, steps, loss, ...psnr, predictedMs: isLatency && expected ? expected : undefined });
    }
  };
}

export async function findWidths(compression: Compression, plan: BudgetPlan, duals: Values): Promise<FoundWidths> {
  const { settings, base, effort, resources, hooks } = compression;
  if (settings.method === 'l1') return uniformWidths(plan);
  const { spec } = base.manifest;
  const { batchSize, lrPatchSize, searchSteps: steps } = effort;
  const parameters: Record<string, ParameterValues> = { ...base.parameters, ...duals };
  const result = await searchWidths({
    spec,
    parameters,
    ...plan,
    ...resources,
    dataset: await compression.dataset(),
    recipe: {
      steps,
      batchSize,
      lrPatchSize,
      dualWeight: DUAL_WEIGHT,
      seed: settings.seed,
      checkpointEvery: 50,
      chooseEvery: Math.max(1, Math.ceil(steps / 8)),
    },
    checkpoint: join(stageFolder(compression, 'search'), 'search.safetensors'),
    microBatchSize: compression.microBatchSize(spec, effort),
    report: createReporter(compression, settings.budget.kind === 'latency'),
    signal: hooks.signal,
  });
  stopIfAsked(compression);
  const { widths, searched, predicted } = result as NonNullable<typeof result>;
  const values = searched.map((width) => width.values);
  return { widths, searched, values, predicted };
}

export type FittedWidths = Pick<FoundWidths, 'widths'> & Omit<FitResult, 'choice'>;

/**
 * Changes the widths until the network that has them is measured to meet the latency.
 * @throws DS_BAD_OPTION when none was found that does: training one would be in vain.
 */
export async function fitWidths(
  compression: Compression,
  { candidates, shared, fullMs }: BudgetPlan,
  { widths, values }: FoundWidths,
): Promise<FittedWidths | undefined> {
  const { settings, base, progress, hooks } = compression;
  const { budget } = settings;
  if (budget.kind !== 'latency' || !shared || fullMs === undefined) return undefined;
  const { spec } = base.manifest;
  const toWidths = (choice: readonly number[]) => choice.map((at, width) => candidates[width][at]);
  const meter = await compression.openMeter();
  const maxAttempts = 10;
  let step = 0;
  try {
    const fit = await fitLatency({
      targetMs: budget.latencyMs,
      model: shared.model,
      values,
      maxAttempts,
      choice: widths.map((width, at) => candidates[at].indexOf(width)),
      async measure(choice) {
        const { ratios } = await meter.compare([withWidths(spec, toWidths(choice))], hooks.signal);
        return ratios[0] * fullMs;
      },
      report({ predictedMs, measuredMs }) {
        step += 1;
        progress.step({ step, steps: maxAttempts, predictedMs, measuredMs });
      },
    });
    if (!fit || fit.measuredMs > budget.latencyMs) {
      const best = fit
        ? `the best of ${fit.attempts.length} networks took ${fit.measuredMs.toFixed(2)} ms`
        : 'none is expected to';
      throw badOption('--latency', `a time that some choice of widths meets (${best})`, `${budget.latencyMs} ms`);
    }
    const { choice, ...rest } = fit;
    return { widths: toWidths(choice), ...rest };
  } finally {
    await meter.close();
  }
}
