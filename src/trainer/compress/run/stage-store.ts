/** What each stage of a run has found, on disk: a run that was killed goes on behind its last complete stage. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, replaceFile } from '../../../core/atomic-file.ts';
import { DualscaleError } from '../../../core/errors.ts';
import { readSafetensors, writeSafetensors } from '../../../core/models/safetensors.ts';
import type { Values } from '../prune/slim.ts';

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

/** JSON has no number that is none. */
const reviveNaN = (_: string, value: unknown) => (value === 'NaN' ? Number.NaN : value);
const writeNaN = (_: string, value: unknown) => (Number.isNaN(value) ? 'NaN' : value);

/** Undefined while the stage is not done. Throws DS_BAD_DATA when its file cannot be read. */
export async function readStage<Value>(folder: string, stage: string): Promise<StoredStage<Value> | undefined> {
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
export async function writeStage<Value>(folder: string, stage: string, result: StoredStage<Value>): Promise<void> {
  const { value, seconds, tensors } = result;
  await mkdir(folder, { recursive: true });
  if (tensors) await replaceFile(join(folder, `${stage}.safetensors`), writeSafetensors(tensors));
  const file: StageFile<Value> = { stage, seconds, value };
  await replaceFile(join(folder, `${stage}.json`), `${JSON.stringify(file, writeNaN, 1)}\n`);
}
