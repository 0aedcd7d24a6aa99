/**
 * Dual regression compression (arXiv 2207.07929), from a model to a smaller one: the list of its stages. Each writes what
 * it found into the run's folder, so a killed run is resumed after the last finished stage, and within search and
 * fine-tuning at their checkpoints.
 */
import { loadModel } from '../../core/models/load.ts';
import { type CompressSettings, resolveSettings } from './compress-settings.ts';
import { type Compression, openCompression, stopIfAsked } from './compression.ts';
import { findWidths, fitWidths } from './find-widths.ts';
import { fineTune, type TunedNetwork } from './fine-tune.ts';
import { planBudget } from './plan-budget.ts';
import type { CompressEvent, CompressHooks } from './progress.ts';
import { cutChannels } from './prune/cut-channels.ts';
import type { PrunedNetwork, Values } from './prune/pruned-network.ts';
import { describeRun } from './result/describe.ts';
import { checkGate, measureResult, validationPsnr } from './result/measure.ts';
import { publishCompressed } from './result/publish.ts';
import { type CompressReport, writeReport } from './result/report.ts';
import { createStages, openRun, plain, type StageResult } from './run.ts';
import { trainDuals } from './train-duals.ts';

export interface CompressOptions extends CompressHooks {
  readonly settings: CompressSettings;
  readonly report: (event: CompressEvent) => void;
}

export interface CompressResult {
  /** Whether it met the budget and lost little enough: only then it lies in `publishTo`. */
  readonly accepted: boolean;
  /** Why not. */
  readonly reasons: readonly string[];
  /** Folder of the model, published or rejected. */
  readonly directory: string;
  readonly report: CompressReport;
}

/** Dual networks of the model, or new ones where it was published without. */
async function learnDuals(compression: Compression): Promise<StageResult<null>> {
  const { base, effort, settings, resources, hooks, progress } = compression;
  if (base.dualParameters) return { value: null, tensors: base.dualParameters };
  const { spec } = base.manifest;
  const { batchSize, lrPatchSize, dualSteps: steps } = effort;
  const tensors = await trainDuals({
    spec,
    parameters: base.parameters,
    steps,
    seed: settings.seed,
    batchSize,
    lrPatchSize,
    ...resources,
    dataset: await compression.dataset(),
    microBatchSize: compression.microBatchSize(spec, effort),
    report: (step, loss) => progress.step({ step, steps, loss }),
    signal: hooks.signal,
  });
  stopIfAsked(compression);
  return { value: null, tensors };
}

async function prune(compression: Compression, widths: readonly number[], duals: Values) {
  const { spec, parameters } = await cutChannels(compression, widths, duals);
  return { value: { spec, psnrDb: await validationPsnr(compression, { spec, parameters }) }, tensors: parameters };
}

async function tune(compression: Compression, pruned: PrunedNetwork, duals: Values): Promise<StageResult<null>> {
  const { parameters, dualParameters } = await fineTune(compression, pruned, duals);
  return { value: null, tensors: { ...parameters, ...dualParameters } };
}

/** What fine-tuning stored, by network. */
function splitTuned({ tensors = {} }: StageResult<null>, pruned: PrunedNetwork): TunedNetwork {
  const part = (isOwn: boolean) =>
    Object.fromEntries(Object.entries(tensors).filter(([name]) => Object.hasOwn(pruned.parameters, name) === isOwn));
  return { parameters: part(true), dualParameters: part(false) };
}

/** All stages, in order. */
async function runStages(compression: Compression, runId: string): Promise<CompressResult> {
  const { settings } = compression;
  const { run, seconds } = createStages(compression);
  // Before the photographs are read: a budget that cannot be met shows here.
  const { value: plan } = await run('plan', () => plain(planBudget(compression)));
  const { tensors: duals = {} } = await run('duals', () => learnDuals(compression));
  const { value: found } = await run('search', () => plain(findWidths(compression, plan, duals)));
  const { value: fitted } = await run('fit', () => plain(fitWidths(compression, plan, found)));
  const widths = fitted?.widths ?? found.widths;
  const { value: cut, tensors: parameters = {} } = await run('prune', () => prune(compression, widths, duals));
  const pruned = { spec: cut.spec, parameters };
  const tuned = splitTuned(await run('fine-tune', () => tune(compression, pruned, duals)), pruned);
  const ended = { spec: pruned.spec, parameters: tuned.parameters };
  const { value: measured } = await run('measure', () => plain(measureResult(compression, ended, plan.fullMs)));
  const reasons = settings.gate ? checkGate(settings, pruned.spec, measured) : [];
  const verdict = { accepted: reasons.length === 0, reasons };
  const { value: published } = await run('publish', () =>
    plain(publishCompressed(compression, pruned, tuned, measured, { accepted: verdict.accepted, runId })),
  );
  const report = describeRun(compression, {
    pruned,
    prunedPsnrDb: cut.psnrDb,
    found,
    measured,
    published,
    widths,
    ...verdict,
    seconds,
    fitted,
  });
  await writeReport(settings.out, report);
  return { ...verdict, directory: published.directory, report };
}

/**
 * Compresses a model and publishes the result, or keeps it aside where it misses the budget or loses too much.
 * @throws DS_BAD_OPTION for options that make no sense or a budget that cannot be met, DS_BAD_DATA for photographs that
 * cannot be used, DS_ABORTED when the signal fired: with `resume` the same settings go on from there.
 */
export async function compressModel({ settings: given, report, ...hooks }: CompressOptions): Promise<CompressResult> {
  const base = await loadModel(given.model);
  const settings = resolveSettings(given, base);
  const runId = await openRun(settings, base);
  const compression = await openCompression(settings, base, hooks, report);
  const result = await runStages(compression, runId);
  report({ type: 'done', accepted: result.accepted, reasons: result.reasons });
  return result;
}
