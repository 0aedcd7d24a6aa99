/** Results of `dualscale eval` in the manifest of the model. */
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DualscaleError } from '../core/errors.ts';
import { modelDirectory, readManifest, type StoredModel } from '../core/models/load.ts';
import type { QualityEntry } from '../core/models/manifest.ts';
import { updateMeasurements } from '../core/models/publish.ts';
import { modelsRoot } from './open-models.ts';
import type { ModelFlags } from './options.ts';

export const PROTOCOL = 'unrounded BT.601 Y of the 8-bit result, border = scale, mean over the images';

export interface MeasuredQuality {
  readonly set: string;
  /** In the syntax of `eval --degradation`; absent for the set's own LR images. */
  readonly degradation?: string;
  /** Whether the model was given the degradation. */
  readonly isGiven?: boolean;
  readonly psnrDb: number;
  readonly ssim: number;
}

function toEntry(id: string, scale: number, measured: MeasuredQuality): QualityEntry {
  const { set, degradation, isGiven, psnrDb, ssim } = measured;
  const option =
    degradation === undefined ? '' : ` --degradation ${degradation}${isGiven ? ' --given-degradation' : ''}`;
  const isClean = degradation === undefined || degradation === 'none';
  return {
    // Models of a scale are compared by the set's name alone, which means clean reductions.
    set: isClean && !isGiven ? set : `${set}, ${degradation}${isGiven ? ', given' : ''}`,
    scale,
    psnrDb: Number(psnrDb.toFixed(4)),
    ssim: Number(ssim.toFixed(5)),
    protocol: PROTOCOL,
    command: `dualscale eval --model ${id} --data ${set} --scale ${scale}${option}`,
    date: new Date().toISOString().slice(0, 10),
  };
}

const TRY_MS = 20;
/** Updating a manifest takes a fraction of a second: a process that holds the lock longer was killed. */
const STALE_MS = 10_000;

/** Runs one task at a time, over all processes. */
async function withLock<Result>(directory: string, task: () => Promise<Result>): Promise<Result> {
  const path = join(directory, '.quality.lock');
  for (;;) {
    const lock = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      return undefined;
    });
    if (lock) {
      await lock.close();
      return task().finally(() => rm(path, { force: true }));
    }
    const stats = await stat(path).catch(() => undefined);
    if (stats && Date.now() - stats.mtimeMs > STALE_MS) await rm(path, { force: true });
    await sleep(TRY_MS);
  }
}

/**
 * Keeps the last result per set and scale, and everything that others have recorded since the model was opened.
 * Throws DS_BAD_MODEL when its weights have been replaced meanwhile.
 */
export async function recordQuality(
  { manifest: { id, scale, weights } }: StoredModel,
  measured: readonly MeasuredQuality[],
  flags: ModelFlags,
): Promise<void> {
  const entries = measured.map((one) => toEntry(id, scale, one));
  const isNew = (old: QualityEntry) => !entries.some(({ set }) => set === old.set && old.scale === scale);
  const directory = modelDirectory(modelsRoot(flags), id);
  await withLock(directory, async () => {
    const now = await readManifest(directory);
    if (now.weights.sha256 !== weights.sha256) {
      const expected = `expected the weights in ${directory} to be those that were measured, sha256 ${weights.sha256}`;
      throw new DualscaleError('DS_BAD_MODEL', `${expected}, got ${now.weights.sha256}`);
    }
    await updateMeasurements(directory, { quality: [...now.quality.filter(isNew), ...entries] });
  });
}
