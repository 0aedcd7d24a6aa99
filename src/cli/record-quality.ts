/** Results of `dualscale eval` in the manifest of the model. */
import { modelDirectory, type StoredModel } from '../model-store/load.ts';
import type { QualityEntry } from '../model-store/manifest.ts';
import { updateMeasurements } from '../model-store/publish.ts';
import { type ModelFlags, modelsRoot } from './open-models.ts';

export const PROTOCOL = 'unrounded BT.601 Y of the 8-bit result, border = scale, mean over the images';

export interface MeasuredQuality {
  readonly set: string;
  /** As `eval --degradation` takes it; absent for the set's own small pictures. */
  readonly degradation?: string;
  /** Whether the model was told it. */
  readonly told?: boolean;
  readonly psnrDb: number;
  readonly ssim: number;
}

function toEntry(id: string, scale: number, { set, degradation, told, psnrDb, ssim }: MeasuredQuality): QualityEntry {
  const how = degradation === undefined ? '' : ` --degradation ${degradation}${told ? ' --told' : ''}`;
  // Made small here or by who made the set, it is the same picture.
  const isClean = degradation === undefined || degradation === 'none';
  return {
    // The set's name alone means clean reductions: by it models of a scale are compared.
    set: isClean && !told ? set : `${set}, ${degradation}${told ? ', told' : ''}`,
    ...{ scale, psnrDb: Number(psnrDb.toFixed(4)), ssim: Number(ssim.toFixed(5)), protocol: PROTOCOL },
    command: `dualscale eval --model ${id} --data ${set} --scale ${scale}${how}`,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** In the manifest there is one result per set and scale: the last. Paths of this machine say nothing elsewhere. */
export async function recordQuality(
  { manifest: { id, scale, quality } }: StoredModel,
  measured: readonly MeasuredQuality[],
  flags: ModelFlags,
): Promise<void> {
  const entries = measured.map((one) => toEntry(id, scale, one));
  const isNew = (old: QualityEntry) => !entries.some(({ set }) => set === old.set && old.scale === scale);
  await updateMeasurements(modelDirectory(modelsRoot(flags), id), { quality: [...quality.filter(isNew), ...entries] });
}
