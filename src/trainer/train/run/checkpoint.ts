/** Checkpoints: one safetensors file with the state vectors and, in its metadata, where the run stands. Written atomically. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readIfThere, replaceFile } from '../../../core/atomic-file.ts';
import { DualscaleError } from '../../../core/errors.ts';
import { readSafetensors, writeSafetensors } from '../../../core/models/safetensors.ts';
import { STATE } from '../step/optimizer.ts';

export type StateName = (typeof STATE)[number];

export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  /** Running mean of the primal loss, which decides which batches are skipped. */
  readonly usualLoss: number;
  /** What must be equal for the state to make sense: the network and its duals, as JSON. */
  readonly fingerprint: string;
  readonly state: Readonly<Record<StateName, Float32Array>>;
}

/** A kill at any moment leaves the old checkpoint or the new one. */
export async function saveCheckpoint(path: string, { step, usualLoss, fingerprint, state }: Checkpoint): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const tensors = Object.fromEntries(STATE.map((name) => [name, { shape: [state[name].length], data: state[name] }]));
  const bytes = writeSafetensors(tensors, {
    metadata: { step: String(step), usualLoss: String(usualLoss), fingerprint },
  });
  await replaceFile(path, bytes);
}

/** Undefined when there is no checkpoint. Throws DS_BAD_DATA when there is one of another network. */
export async function loadCheckpoint(path: string, fingerprint: string): Promise<Checkpoint | undefined> {
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  const { tensors, metadata } = readSafetensors(bytes);
  if (metadata['fingerprint'] !== fingerprint) {
    throw new DualscaleError(
      'DS_BAD_DATA',
      `expected \`${path}\` to be a checkpoint of ${fingerprint}, got one of ${metadata['fingerprint']}`,
    );
  }
  const state = Object.fromEntries(STATE.map((name) => [name, tensors[name].data])) as Record<StateName, Float32Array>;
  return { step: Number(metadata['step']), usualLoss: Number(metadata['usualLoss']), fingerprint, state };
}
