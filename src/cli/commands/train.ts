/** `dualscale train`. */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { decodeRgb } from '../../core/codec/decode.ts';
import { describeMachine } from '../../core/describe-machine.ts';
import type { Engine } from '../../core/engine/engine.ts';
import { describePlacement } from '../../core/engine/onnx/node-placement.ts';
import { createOnnxEngine } from '../../core/engine/onnx/onnx-engine.ts';
import { chooseProvider } from '../../core/engine/provider.ts';
import type { Provider } from '../../core/engine/runtime.ts';
import { createTfjsEngine } from '../../core/engine/tfjs/tfjs-engine.ts';
import { badOption, DualscaleError } from '../../core/errors.ts';
import { loadModel, type StoredModel } from '../../core/models/load.ts';
import type { StoredDtype } from '../../core/models/safetensors.ts';
import { findPreset, PRESETS, type TrainPreset } from '../../trainer/presets/presets.ts';
import { parsePreset } from '../../trainer/train/parse-preset.ts';
import { logPath, plotPath, trainRun } from '../../trainer/train/run/train-run.ts';
import { requireFolders } from '../options.ts';
import { consoleLogger, printTable, stopOnSignal } from '../terminal.ts';
import { createTrainProgress } from '../train-progress.ts';

interface TrainFlags {
  readonly preset?: string;
  readonly spec?: string;
  readonly listPresets?: boolean;
  readonly data?: readonly string[];
  readonly out?: string;
  readonly steps?: number;
  readonly resume?: boolean;
  readonly seed?: number;
  readonly workers?: number;
  readonly startFrom?: string;
  readonly unpaired?: readonly string[];
  readonly unpairedShare?: number;
  readonly teacher?: string;
  readonly distillWeight?: number;
  readonly pseudoLabelsFrom?: readonly string[];
  readonly pseudoLabelsShare?: number;
  readonly weights: StoredDtype;
  readonly engine: Engine['name'];
  readonly provider: 'auto' | Provider;
  readonly dataNote?: string;
  readonly license: string;
}

/** Exit code 130 (SIGINT) or 143 (SIGTERM) when a signal stopped it, so that a script does not continue without the model. */
export async function runTrain(flags: TrainFlags): Promise<void> {
  if (flags.listPresets) return listPresets();
  const { resume = false, license, weights } = flags;
  const { data, out } = await requireFlags(flags);
  const preset = await openPreset(flags);
  const extras = await openExtras(flags);
  const { engine, provider, workers } = await openEngine(flags, preset.recipe.batchSize);
  const stop = stopOnSignal('finishing this step, then saving a checkpoint; once more to stop at once');
  const progress = createTrainProgress(preset, Date.now);
  try {
    const { step, model } = await trainRun({
      preset,
      data,
      out,
      engine,
      provider,
      workers,
      ...extras,
      resume,
      license,
      weights,
      decode: decodeRgb,
      machine: describeMachine(),
      dataNote: flags.dataNote,
      now: Date.now,
      report: progress.report,
      warn: progress.warn,
      onPlacement: (placement) => progress.note(describePlacement(placement)),
      signal: stop.signal,
    });
    progress.stop();
    if (model) {
      console.log(
        `model ${model.manifest.id} is in ${resolve(out, model.manifest.id)}; log ${logPath(out)}, plot ${plotPath(out)}`,
      );
      return;
    }
    console.error(`stopped after step ${step}; the same command with --resume continues from there`);
    process.exitCode = stop.exitCode();
  } catch (error) {
    progress.stop();
    if (!(error instanceof DualscaleError && error.code === 'DS_ABORTED')) throw error;
    console.error('stopped before the first step');
    process.exitCode = stop.exitCode();
  } finally {
    stop.remove();
  }
}

function listPresets(): void {
  const rows = PRESETS.map(({ id, description, recipe }) => [id, recipe.schedule.steps, description]);
  printTable(['preset', 'steps', 'description'], rows);
}

async function requireFlags({ data, out }: TrainFlags) {
  if (data === undefined) throw badOption('--data', 'one or more folders of photographs', 'nothing');
  await requireFolders('--data', data);
  if (out === undefined) throw badOption('--out', 'the folder of the run', 'nothing');
  return { data, out };
}

/** The preset, with the steps and seed of the flags. */
async function openPreset({ preset: id, spec: path, steps, seed }: TrainFlags): Promise<TrainPreset> {
  if (id === undefined && path === undefined) throw badOption('--preset', 'given, or --spec', 'nothing');
  const preset = path === undefined ? findPreset(id as string) : await readSpecFile(path);
  const { recipe } = preset;
  const schedule = { ...recipe.schedule, steps: steps ?? recipe.schedule.steps };
  return { ...preset, recipe: { ...recipe, schedule, seed: seed ?? recipe.seed } };
}

async function readSpecFile(path: string): Promise<TrainPreset> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw badOption('--spec', 'a file that can be read', `${path} (${cause.message})`);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badOption('--spec', 'a JSON file', `${path} (${(cause as Error).message})`);
  }
  return parsePreset(value, path);
}

const DEFAULT_UNPAIRED_SHARE = 0.3;
const DEFAULT_DISTILL_WEIGHT = 1;
const DEFAULT_PSEUDO_LABELS_SHARE = 1;

/** What a run learns from in addition to photographs. */
async function openExtras(flags: TrainFlags) {
  const { startFrom, unpaired, unpairedShare, teacher, distillWeight, pseudoLabelsFrom, pseudoLabelsShare } = flags;
  requirePartner('--unpaired-share', unpairedShare, '--unpaired', unpaired);
  requirePartner('--distill-weight', distillWeight, '--teacher', teacher);
  requirePartner('--pseudo-labels-share', pseudoLabelsShare, '--pseudo-labels-from', pseudoLabelsFrom);
  await requireFolders('--unpaired', unpaired ?? []);
  const start = startFrom === undefined ? undefined : await openModelFolder('--start-from', startFrom);
  const teaching = teacher === undefined ? undefined : await openModelFolder('--teacher', teacher);
  const open = (folder: string) => openModelFolder('--pseudo-labels-from', folder);
  const labelling = pseudoLabelsFrom && (await Promise.all(pseudoLabelsFrom.map(open)));
  return {
    startFrom: start,
    unpaired: unpaired && { folders: unpaired, share: unpairedShare ?? DEFAULT_UNPAIRED_SHARE },
    teacher: teaching && { model: teaching, weight: distillWeight ?? DEFAULT_DISTILL_WEIGHT },
    targets: labelling && { models: labelling, share: pseudoLabelsShare ?? DEFAULT_PSEUDO_LABELS_SHARE },
  };
}

function requirePartner(name: string, value: number | undefined, partner: string, given: unknown): void {
  if (value !== undefined && given === undefined) throw badOption(name, `used with ${partner}`, value);
}

async function openModelFolder(option: string, folder: string): Promise<StoredModel> {
  return loadModel(resolve(folder)).catch((cause: Error) => {
    throw badOption(option, 'the folder of a model', `${folder} (${cause.message})`);
  });
}

async function openEngine(flags: TrainFlags, batchSize: number) {
  if (flags.engine === 'tfjs') return { engine: await openTfjsEngine(), provider: 'cpu' as const, workers: 1 };
  const provider = await chooseProvider(flags.provider, { logger: consoleLogger });
  const workers = flags.workers ?? (provider === 'cpu' ? Math.min(availableParallelism(), batchSize) : 1);
  return { engine: createOnnxEngine({ provider, threads: workers }), provider, workers };
}

/** TF.js' WASM backend has no filter gradients, so training needs TensorFlow or, far slower, plain JavaScript. */
async function openTfjsEngine(): Promise<Engine> {
  try {
    return await createTfjsEngine({ backend: 'tensorflow', log: consoleLogger.info });
  } catch (error) {
    consoleLogger.warn(`training runs on TF.js in plain JavaScript, which is very slow: ${(error as Error).message}`);
    return createTfjsEngine({ backend: 'cpu' });
  }
}
