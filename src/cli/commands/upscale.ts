/** `dualscale upscale IN OUT`. */
import { MAX_PIXELS } from '../../core/codec/limits.ts';
import type { EngineName, Provider, TfjsBackend } from '../../core/engine/engine.ts';
import { compileServedModel } from '../../core/engine/served/served-model.ts';
import { badOption, DualscaleError } from '../../core/errors.ts';
import type { StoredModel } from '../../core/models/load.ts';
import { checkHint, type DegradationHint, isUnstated, needsBlind } from '../../core/upscale/degradation-hint.ts';
import { createUpscaler } from '../../core/upscale/upscale.ts';
import { type EnlargeFileOptions, enlargeFile } from '../enlarge-file.ts';
import { quietLogger } from '../logger.ts';
import { type ModelFlags, openBestModel, openBlindModel, openModel } from '../open-models.ts';
import { type FilePlan, planFiles } from '../plan-files.ts';
import { createProgress } from '../progress.ts';

export interface UpscaleFlags extends ModelFlags {
  readonly scale?: number;
  readonly model?: string;
  readonly quality?: number;
  readonly degradation?: DegradationHint['degradation'];
  readonly sigma?: number;
  readonly noise?: number;
  readonly engine: EngineName;
  readonly provider: 'auto' | Provider | TfjsBackend;
  readonly workers?: number;
}

/** One picture is decoded or encoded while another is in the network. */
const LANES = 2;

/** `edge-x4`, or `edge-x4 (3) and edge-blind-x4 (2)`. */
function describeCounts(byModel: ReadonlyMap<string, number>): string {
  const [only, ...others] = [...byModel];
  if (only && others.length === 0) return only[0];
  return [...byModel].map(([id, count]) => `${id} (${count})`).join(' and ');
}

/** Returns how many failed, and how many each model enlarged; each failure is reported and the others go on. */
async function enlargeAll(
  { files }: FilePlan,
  options: EnlargeFileOptions,
): Promise<{ failed: number; byModel: Map<string, number> }> {
  const progress = createProgress('upscale', files.length);
  const byModel = new Map<string, number>();
  const waiting = files.values();
  let [done, failed] = [0, 0];
  const lane = async () => {
    for (const file of waiting) {
      try {
        const id = await enlargeFile(file, options);
        byModel.set(id, (byModel.get(id) ?? 0) + 1);
      } catch (error) {
        failed += 1;
        progress.say(`error: ${file.from}: ${(error as Error).message}`);
      }
      progress.update(++done, file.from);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  progress.stop();
  return { failed, byModel };
}

/** The flags' hint and the model for pictures that are not clean reductions. Throws DS_BAD_OPTION where the hint needs one and there is none. */
async function openBlind(stored: StoredModel, flags: UpscaleFlags) {
  const { degradation, sigma, noise, engine, model } = flags;
  const hint: DegradationHint = { degradation, sigma, noise };
  checkHint(hint);
  // Who names a model means it: no blind one takes its pictures without being asked for.
  const isNamed = model !== undefined && isUnstated(hint);
  if (isNamed || degradation === 'bicubic' || stored.manifest.degradation === 'blind') return { hint };
  const blind = await openBlindModel(stored.manifest.scale, flags);
  if (!blind && needsBlind(hint)) {
    throw badOption(
      '--degradation',
      `auto or bicubic: there is no blind model of scale ${stored.manifest.scale}`,
      'blind',
    );
  }
  return { hint, blind: blind ? compileServedModel(blind, engine) : undefined };
}

/** Throws DS_BAD_OPTION before anything is written; DS_BAD_IMAGE when a picture could not be enlarged. */
export async function runUpscale(from: string, out: string, flags: UpscaleFlags): Promise<void> {
  const { scale, model: id, engine, provider, workers, quality } = flags;
  const plan = await planFiles(from, out);
  const stored = id === undefined ? await openBestModel(scale ?? 4, flags) : await openModel(id, scale, flags);
  for (const name of plan.skipped) console.error(`skipped: ${name} (not a PNG, JPEG, WebP or AVIF file)`);
  const model = compileServedModel(stored, engine);
  const known = await openBlind(stored, flags);
  const upscaler = await createUpscaler({
    maxOutputPixels: MAX_PIXELS,
    engine,
    provider,
    logger: quietLogger,
    workers,
  });
  try {
    const { failed, byModel } = await enlargeAll(plan, { upscaler, model, ...known, quality });
    const total = plan.files.length;
    if (failed > 0) throw new DualscaleError('DS_BAD_IMAGE', `${failed} of ${total} pictures could not be enlarged`);
    console.log(
      `${total} ${total === 1 ? 'picture' : 'pictures'} enlarged x${model.scale} by ${describeCounts(byModel)}`,
    );
  } finally {
    await upscaler.close();
  }
}
