/** What a run's folder belongs to: a resumed run must ask for the same. */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, replaceFile } from '../../core/atomic-file.ts';
import { badOption, DualscaleError } from '../../core/errors.ts';
import { canonicalJson } from '../../core/models/digest.ts';
import type { StoredModel } from '../../core/models/load.ts';
import { readSafetensors, writeSafetensors } from '../../core/models/safetensors.ts';
import type { ResolvedSettings } from './compress-settings.ts';
import { type Compression, stopIfAsked } from './compression.ts';
import { STAGES, type Stage } from './progress.ts';
import type { Values } from './prune/pruned-network.ts';

/** Where the folder is, what is stored in which way, and how many workers there are may differ. */
const DECISIVE = [
  ...(['budget', 'multiple', 'method', 'effort', 'maxPsnrDropDb', 'seed'] as const),
  ...(['engine', 'provider', 'at', 'validationShare', 'id'] as const),
];

interface RunFile {
  readonly runId: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * The id of the folder's run, or of a new one.
 * @throws DS_BAD_OPTION when there is one that is not to be resumed, or one that was asked for something else.
 */
export async function openRun(settings: ResolvedSettings, base: StoredModel): Promise<string> {
  const path = join(settings.out, 'run.json');
  const bytes = await readIfThere(path);
  const decisive = { base: base.digest, ...Object.fromEntries(DECISIVE.map((name) => [name, settings[name]])) };
  // Options that were refused before the first stage ended are no run.
  if (!bytes || !(await readStage(join(settings.out, 'stages'), STAGES[0]))) {
    await mkdir(settings.out, { recursive: true });
    const run: RunFile = { runId: randomUUID(), settings: decisive };
    await replaceFile(path, `${JSON.stringify(run, null, 1)}\n`);
    return run.runId;
  }
  if (!settings.resume) throw badOption('--out', 'a folder without a run, or --resume to be given', settings.out);
  const run = JSON.parse(bytes.toString()) as RunFile;
  for (const [name, value] of Object.entries(decisive)) {
    const [before, now] = [run.settings[name] ?? null, value].map((item) => canonicalJson(item));
    if (before !== now) throw badOption(name, `${before} as in the run to resume, ${settings.out}`, now);
  }
  return run.runId;
}

export interface Stages {
  run<Value>(stage: Stage, compute: () => Promise<StageResult<Value>>): Promise<StageResult<Value>>;
  /** Seconds of the stages so far. */
  readonly seconds: Readonly<Partial<Record<Stage, number>>>;
}

export function createStages(compression: Compression): Stages {
  const { settings, hooks, progress } = compression;
  const folder = join(settings.out, 'stages');
  const seconds: Partial<Record<Stage, number>> = {};
  return {
    seconds,
    async run(stage, compute) {
      stopIfAsked(compression);
      const stored = await readStage<Awaited<ReturnType<typeof compute>>['value']>(folder, stage);
      progress.stage(stage, stored !== undefined);
      if (stored) {
        seconds[stage] = stored.seconds;
        return stored;
      }
      const start = hooks.now();
      // Whatever the signal interrupted throws in a way of its own.
      const result = await compute().catch((error: Error) => {
        stopIfAsked(compression);
        throw error;
      });
      const ended = { ...result, seconds: (hooks.now() - start) / 1000 };
      seconds[stage] = ended.seconds;
      await writeStage(folder, stage, ended);
      return ended;
    },
  };
}

/** A stage whose result is plain data. */
export const plain = async <Value>(value: Promise<Value>): Promise<StageResult<Value>> => ({ value: await value });

export interface StageResult<Value> {
  /** Plain data. */
  readonly value: Value;
  readonly tensors?: Values;
}

interface StageFile<Value> {
  readonly stage: string;
  /** Of the process that ended it. */
  readonly seconds: number;
  readonly value: Value;
}

export interface StoredStage<Value> extends StageResult<Value> {
  readonly seconds: number;
}

/** JSON has no NaN. */
const reviveNaN = (_: string, value: unknown) => (value === 'NaN' ? Number.NaN : value);
const writeNaN = (_: string, value: unknown) => (Number.isNaN(value) ? 'NaN' : value);

/** Undefined while the stage is not done. Throws DS_BAD_DATA when its file cannot be read. */
async function readStage<Value>(folder: string, stage: string): Promise<StoredStage<Value> | undefined> {
  const path = join(folder, `${stage}.json`);
  const text = await readIfThere(path);
  if (!text) return undefined;
  try {
    const { value, seconds } = JSON.parse(text.toString(), reviveNaN) as StageFile<Value>;
    const bytes = await readIfThere(join(folder, `${stage}.safetensors`));
    return { value, seconds, tensors: bytes ? readSafetensors(bytes).tensors : undefined };
  } catch (cause) {
    throw new DualscaleError('DS_BAD_DATA', `${path}: ${(cause as Error).message}`, { cause });
  }
}

/** The JSON file comes last: with it the stage is done. */
async function writeStage<Value>(folder: string, stage: string, result: StoredStage<Value>): Promise<void> {
  const { value, seconds, tensors } = result;
  await mkdir(folder, { recursive: true });
  if (tensors) await replaceFile(join(folder, `${stage}.safetensors`), writeSafetensors(tensors));
  const file: StageFile<Value> = { stage, seconds, value };
  await replaceFile(join(folder, `${stage}.json`), `${JSON.stringify(file, writeNaN, 1)}\n`);
}
