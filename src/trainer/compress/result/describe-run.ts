/** From what the stages found to the report. */
import { modelCost } from '../../../core/models/manifest.ts';
import { prunableWidths } from '../../../core/network/prunable.ts';
import type { NetworkSpec } from '../../../core/network/spec.ts';
import type { Compression } from '../compression.ts';
import type { FittedWidths, FoundWidths } from '../find-widths.ts';
import type { SlimNetwork } from '../prune/slim.ts';
import type { Stages } from '../run/run-stages.ts';
import { describeBudget, noteShortfalls } from './describe-result.ts';
import type { Measured } from './measure-result.ts';
import type { CompressReport } from './report.ts';

interface Findings {
  readonly slim: SlimNetwork;
  /** Before fine-tuning. */
  readonly pruned: { readonly psnrDb: number };
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
  const { slim, pruned, widths, found, fitted, measured, published, accepted, reasons, seconds } = findings;
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
      spec: slim.spec,
      digest: published.digest,
      ...costOf(slim.spec),
      ...after,
      prunedPsnrDb: pruned.psnrDb,
    },
    method,
    budget,
    maxPsnrDropDb,
    seed,
    effort,
    budgetText: describeBudget(budget, spec, slim.spec),
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
