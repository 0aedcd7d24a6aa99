/** What a compression came to, in words: for manifest, report and command line. */

import { modelCost } from '../../../core/models/manifest.ts';
import { prunableWidths } from '../../../core/network/prunable.ts';
import type { NetworkSpec } from '../../../core/network/spec.ts';
import { type Budget, timedMultiple } from '../budget.ts';
import type { ResolvedSettings } from '../compress-settings.ts';
import type { Compression } from '../compression.ts';
import type { FittedWidths, FoundWidths } from '../find-widths.ts';
import { FIT_FLOOR } from '../latency/fit-latency.ts';
import type { PrunedNetwork } from '../prune/pruned-network.ts';
import type { Stages } from '../run.ts';
import type { Measured } from './measure.ts';
import type { CompressReport } from './report.ts';

/** Channels that pruning may take, all widths together. */
const channelsOf = (spec: NetworkSpec): number => prunableWidths(spec).reduce((sum, { width }) => sum + width, 0);

const percent = (share: number): string => String(Number((100 * share).toPrecision(3)));

/** Widths are whole multiples, so that more or less goes than the share that was asked for. */
function describeRatio(ratio: number, base: NetworkSpec, pruned: NetworkSpec): string {
  const [removed, asked] = [1 - channelsOf(pruned) / channelsOf(base), ratio].map(percent);
  return `${removed} % of the channels removed${removed === asked ? '' : `, ${asked} % asked for`}`;
}

/** e.g. `50 % of the channels removed`. */
export function describeBudget(budget: Budget, base: NetworkSpec, pruned: NetworkSpec): string {
  switch (budget.kind) {
    case 'ratio':
      return describeRatio(budget.ratio, base, pruned);
    case 'latency': {
      const { latencyMs, width, height, percentile = 50, threads = 1 } = budget;
      return `${latencyMs} ms at ${width}x${height}, percentile ${percentile}, threads ${threads}`;
    }
    case 'params':
      return `${budget.parameters} parameters`;
    case 'macs':
      return `${budget.macs} multiply-accumulates for 1280x720`;
  }
}

/** What came of the other networks that were timed. */
function describeOthers({ attempts }: FittedWidths): string {
  if (attempts.length === 1) return 'no other network was timed';
  return `none of the ${attempts.length} networks that were timed took from ${percent(FIT_FLOOR)} to 100 % of it`;
}

/** Where the result is what was asked for, but not all that might be expected. */
export function noteShortfalls(
  { budget, multiple }: Pick<ResolvedSettings, 'budget' | 'multiple'>,
  spec: NetworkSpec,
  fitted: FittedWidths | undefined,
): string[] {
  if (budget.kind !== 'latency') return [];
  const notes: string[] = [];
  const taken = timedMultiple(spec, multiple);
  if (taken !== multiple)
    notes.push(`has widths in multiples of ${taken}, not ${multiple}: others of ${spec.family} are not timed`);
  if (fitted && !fitted.fits) {
    const { measuredMs } = fitted;
    const share = `${percent(measuredMs / budget.latencyMs)} % of the target`;
    notes.push(`took ${measuredMs.toFixed(2)} ms when its widths were chosen, ${share}: ${describeOthers(fitted)}`);
  }
  return notes;
}

interface Findings {
  readonly pruned: PrunedNetwork;
  /** Before fine-tuning. */
  readonly prunedPsnrDb: number;
  readonly widths: readonly number[];
  readonly found: FoundWidths;
  readonly fitted?: FittedWidths;
  readonly measured: Measured;
  readonly published: { readonly directory: string; readonly digest: string };
  readonly accepted: boolean;
  readonly reasons: readonly string[];
  readonly seconds: Stages['seconds'];
}

function costOf(spec: NetworkSpec) {
  const { parameters, macs } = modelCost(spec);
  return { parameters, macsFor1280x720: macs.for1280x720 };
}

export function describeRun(compression: Compression, findings: Findings): CompressReport {
  const { base, settings, effort, hooks } = compression;
  const { pruned, prunedPsnrDb, widths, found, fitted, measured, published, accepted, reasons, seconds } = findings;
  const { method, budget, maxPsnrDropDb, seed, engine, provider, at, machine, id } = settings;
  const { percentile = 50, threads = 1 } = budget.kind === 'latency' ? budget : {};
  const { spec } = base.manifest;
  const predicted = fitted?.predictedMs ?? found.predicted;
  const [before, after] = [
    { psnrDb: measured.basePsnrDb, ms: measured.baseMs },
    { psnrDb: measured.psnrDb, ms: measured.ms },
  ];
  return {
    accepted,
    reasons,
    directory: published.directory,
    base: { id: base.manifest.id, spec, digest: base.digest, ...costOf(spec), ...before },
    result: {
      id,
      spec: pruned.spec,
      digest: published.digest,
      ...costOf(pruned.spec),
      ...after,
      prunedPsnrDb,
    },
    method,
    budget,
    maxPsnrDropDb,
    seed,
    effort,
    budgetText: describeBudget(budget, spec, pruned.spec),
    notes: noteShortfalls(settings, spec, fitted),
    widths: prunableWidths(spec).map(({ name, width }, i) => ({ name, before: width, after: widths[i] })),
    predicted,
    attempts: fitted ? fitted.attempts : undefined,
    latency: { engine, provider, threads, width: at.width, height: at.height, percentile },
    seconds,
    machine,
    date: new Date(hooks.now()).toISOString(),
  };
}
