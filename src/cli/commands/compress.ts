/** `dualscale compress`. */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { decodeRgb } from '../../core/codec/decode.ts';
import { describeMachine } from '../../core/describe-machine.ts';
import { chooseProvider } from '../../core/engine/provider.ts';
import type { EngineName, Provider } from '../../core/engine/runtime.ts';
import { badOption, DualscaleError } from '../../core/errors.ts';
import { processorTime } from '../../core/measure/latency.ts';
import { modelDirectory } from '../../core/models/load.ts';
import type { StoredDtype } from '../../core/models/safetensors.ts';
import type { Budget, Multiple } from '../../trainer/compress/budget.ts';
import type { CompressSettings, Method } from '../../trainer/compress/compress-settings.ts';
import { type CompressEvent, STAGES } from '../../trainer/compress/progress.ts';
import { type CompressResult, compressModel } from '../../trainer/compress/recipe.ts';
import type { TrainingBudgetName } from '../../trainer/compress/training-budget.ts';
import { modelsRoot, openModel } from '../open-models.ts';
import { type ModelFlags, type PixelSize, requireFolders } from '../options.ts';
import { formatDuration, Progress } from '../progress.ts';
import { consoleLogger, stopOnSignal } from '../terminal.ts';

export interface CompressFlags extends ModelFlags {
  readonly model: string;
  readonly data: readonly string[];
  readonly out: string;
  readonly ratio?: number;
  readonly latency?: number;
  readonly params?: number;
  readonly macs?: number;
  readonly at: PixelSize;
  readonly percentile?: number;
  readonly threads?: number;
  readonly multiple: '4' | '8' | '16';
  readonly method: Method;
  readonly budget: TrainingBudgetName;
  readonly maxPsnrDrop: number;
  readonly id?: string;
  readonly publish?: string;
  readonly seed: number;
  readonly resume?: boolean;
  readonly workers?: number;
  readonly engine: EngineName;
  readonly provider: 'auto' | Provider;
  readonly weights: StoredDtype;
  readonly dataNote?: string;
  readonly license?: string;
}

/** Ends with 1 when the model was rejected, with 130 (SIGINT) or 143 (SIGTERM) when a signal stopped it. */
export async function runCompress(flags: CompressFlags): Promise<void> {
  const settings = await openSettings(flags);
  const stop = stopOnSignal('finishing this step; once more to stop at once');
  const progress = new Progress();
  try {
    const result = await compressModel({
      settings,
      decode: decodeRgb,
      now: Date.now,
      clock: () => performance.now(),
      processorTime,
      report: (event) => show(progress, event),
      warn(message) {
        progress.stop();
        consoleLogger.warn(message);
      },
      signal: stop.signal,
    });
    progress.stop();
    printResult(result, flags);
  } catch (error) {
    progress.stop();
    if (!(error instanceof DualscaleError && error.code === 'DS_ABORTED')) throw error;
    console.error('stopped; the same command with --resume goes on from there');
    process.exitCode = stop.exitCode();
  } finally {
    stop.remove();
  }
}

async function openSettings(flags: CompressFlags): Promise<CompressSettings> {
  const budget = readBudget(flags);
  await requireFolders('--data', flags.data);
  await openModel(flags.model, undefined, flags);
  return {
    model: modelDirectory(modelsRoot(flags), flags.model),
    data: flags.data,
    out: flags.out,
    budget,
    at: flags.at,
    method: flags.method,
    effort: flags.budget,
    seed: flags.seed,
    engine: flags.engine,
    ...(await openProvider(flags)),
    multiple: Number(flags.multiple) as Multiple,
    maxPsnrDropDb: flags.maxPsnrDrop,
    weights: flags.weights,
    resume: flags.resume ?? false,
    id: flags.id,
    publishTo: flags.publish,
    dataNote: flags.dataNote,
    license: flags.license,
    machine: describeMachine(),
  };
}

function readBudget({ ratio, latency, params, macs, at, percentile, threads }: CompressFlags): Budget {
  if (latency !== undefined) return { kind: 'latency', latencyMs: latency, ...at, percentile, threads };
  if (percentile !== undefined) throw badOption('--percentile', 'used with --latency', percentile);
  if (threads !== undefined) throw badOption('--threads', 'used with --latency', threads);
  if (ratio !== undefined) return { kind: 'ratio', ratio };
  if (params !== undefined) return { kind: 'params', parameters: params };
  if (macs !== undefined) return { kind: 'macs', macs };
  throw badOption('--ratio', 'given, or --latency, --params or --macs', 'nothing');
}

/** Where networks run, and with how many workers. */
async function openProvider({ engine, provider: requested, workers }: CompressFlags) {
  if (engine === 'tfjs') {
    if (requested !== 'auto' && requested !== 'cpu')
      throw badOption('--provider', 'cpu or auto with --engine tfjs', requested);
    return { provider: 'cpu' as const, workers: workers ?? 1 };
  }
  const provider = await chooseProvider(requested, { logger: consoleLogger });
  return { provider, workers: workers ?? (provider === 'cpu' ? availableParallelism() : 1) };
}

type StepEvent = Extract<CompressEvent, { type: 'step' }>;

function show(progress: Progress, event: CompressEvent): void {
  if (event.type === 'data') progress.update('photographs', event.done, event.total);
  else if (event.type === 'step') progress.update(event.stage, event.step, event.steps, describeStep(event));
  else progress.stop();
  if (event.type === 'stage') {
    const number = `[${event.index + 1}/${STAGES.length}]`;
    console.error(`${number} ${event.stage}${event.resumed ? ': done before' : ''}`);
  }
}

function describeStep({ loss, psnrDb, predictedMs, measuredMs, etaSeconds }: StepEvent): string {
  const parts = [
    etaSeconds !== undefined && `ETA ${formatDuration(etaSeconds)}`,
    loss !== undefined && `loss ${loss.toFixed(5)}`,
    psnrDb !== undefined && `PSNR ${psnrDb.toFixed(2)} dB`,
    predictedMs !== undefined && `predicted ${predictedMs.toFixed(2)} ms`,
    measuredMs !== undefined && `measured ${measuredMs.toFixed(2)} ms`,
  ];
  return parts.map((part) => (part ? `| ${part} ` : '')).join('');
}

function printResult({ accepted, reasons, directory, report }: CompressResult, { out }: CompressFlags): void {
  const { base, result } = report;
  const change = (from: number, to: number, digits: number) => `${from.toFixed(digits)} -> ${to.toFixed(digits)}`;
  console.log(
    [
      `parameters ${change(base.parameters, result.parameters, 0)}`,
      `latency ${change(base.ms, result.ms, 2)} ms`,
      `PSNR on held-out photographs ${change(base.psnrDb, result.psnrDb, 3)} dB`,
    ].join(', '),
  );
  for (const note of report.notes) console.log(`note: ${result.id} ${note}`);
  for (const reason of reasons) console.log(`rejected: ${reason}`);
  console.log(`model ${result.id} is in ${resolve(directory)}; report ${join(out, 'report.md')}`);
  if (!accepted) process.exitCode = 1;
}
