/** `dualscale compress`. */
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { decodeRgb } from '../../core/codec/decode.ts';
import { describeMachine } from '../../core/describe-machine.ts';
import type { EngineName, Provider } from '../../core/engine/engine.ts';
import { chooseProvider } from '../../core/engine/provider.ts';
import { badOption, DualscaleError } from '../../core/errors.ts';
import { processorTime } from '../../core/measure/latency.ts';
import { modelDirectory } from '../../core/models/load.ts';
import type { StoredDtype } from '../../core/models/safetensors.ts';
import type { Budget, Multiple } from '../../trainer/compress/budget.ts';
import type { CompressSettings, Method } from '../../trainer/compress/compress-settings.ts';
import type { EffortName } from '../../trainer/compress/effort.ts';
import { type CompressResult, compressModel } from '../../trainer/compress/recipe.ts';
import { createCompressProgress } from '../compress-progress.ts';
import { consoleLogger } from '../logger.ts';
import { modelsRoot, openModel } from '../open-models.ts';
import type { PixelSize } from '../option-values.ts';
import { stopOnSignal } from '../stop-on-signal.ts';

export interface CompressFlags {
  readonly model: string;
  readonly models?: string;
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
  readonly budget: EffortName;
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

function readBudget({ ratio, latency, params, macs, at, percentile, threads }: CompressFlags): Budget {
  if (latency === undefined) {
    if (percentile !== undefined) throw badOption('--percentile', 'used with --latency', percentile);
    if (threads !== undefined) throw badOption('--threads', 'used with --latency', threads);
  }
  if (ratio !== undefined) return { kind: 'ratio', ratio };
  if (params !== undefined) return { kind: 'params', parameters: params };
  if (macs !== undefined) return { kind: 'macs', macs };
  if (latency === undefined) throw badOption('--ratio', 'given, or --latency, --params or --macs', 'nothing');
  const rest = { percentile, threads };
  return { kind: 'latency', latencyMs: latency, ...at, ...rest };
}

/** Where networks run, and with how many workers. */
async function openPlace({ engine, provider: asked, workers }: CompressFlags) {
  if (engine === 'tfjs') {
    if (asked !== 'auto' && asked !== 'cpu') throw badOption('--provider', 'cpu or auto with --engine tfjs', asked);
    return { provider: 'cpu' as const, workers: workers ?? 1 };
  }
  const provider = await chooseProvider(asked, { logger: consoleLogger });
  return { provider, workers: workers ?? (provider === 'cpu' ? availableParallelism() : 1) };
}

async function requireFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const stats = await stat(folder).catch(() => undefined);
    if (!stats?.isDirectory()) throw badOption('--data', 'folders of photographs', folder);
  }
}

async function openSettings(flags: CompressFlags): Promise<CompressSettings> {
  const { engine, at, method, seed, weights, id, dataNote, license, publish, resume = false } = flags;
  const budget = readBudget(flags);
  await requireFolders(flags.data);
  await openModel(flags.model, undefined, flags);
  const place = await openPlace(flags);
  return {
    model: modelDirectory(modelsRoot(flags), flags.model),
    data: flags.data,
    out: flags.out,
    budget,
    at,
    method,
    effort: flags.budget,
    seed,
    engine,
    ...place,
    multiple: Number(flags.multiple) as Multiple,
    maxPsnrDropDb: flags.maxPsnrDrop,
    weights,
    resume,
    id,
    publishTo: publish,
    dataNote,
    license,
    machine: describeMachine(),
  };
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

/** Ends with 1 when the model was rejected, with 130 (SIGINT) or 143 (SIGTERM) when a signal stopped it. */
export async function runCompress(flags: CompressFlags): Promise<void> {
  const settings = await openSettings(flags);
  const stop = stopOnSignal('finishing this step; once more to stop at once');
  const progress = createCompressProgress(Date.now);
  try {
    const result = await compressModel({
      settings,
      decode: decodeRgb,
      now: Date.now,
      clock: () => performance.now(),
      processorTime,
      report: progress.report,
      warn(message) {
        // The bar of the photographs just read stands on the line.
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
