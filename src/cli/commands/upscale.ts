/** `dualscale upscale IN OUT`. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile } from '../../core/atomic-file.ts';
import { MAX_PIXELS } from '../../core/codec/limits.ts';
import { compileServedModel } from '../../core/engine/served/served-model.ts';
import type { ServedModel } from '../../core/engine/served/served-types.ts';
import { badOption, DualscaleError } from '../../core/errors.ts';
import type { StoredModel } from '../../core/models/load.ts';
import { checkHint, type DegradationHint, isUnstated, needsBlind } from '../../core/upscale/degradation-hint.ts';
import { enlargeEncoded } from '../../core/upscale/enlarge-encoded.ts';
import { createUpscaler } from '../../core/upscale/upscale.ts';
import type { Upscaler } from '../../core/upscale/upscaler.ts';
import { openBestModel, openBlindModel, openModel } from '../open-models.ts';
import type { EngineFlags } from '../options.ts';
import { type PlannedFile, planFiles } from '../plan-files.ts';
import { Progress } from '../progress.ts';
import { quietLogger } from '../terminal.ts';

interface UpscaleFlags extends EngineFlags {
  readonly scale?: number;
  readonly model?: string;
  readonly quality?: number;
  readonly degradation?: DegradationHint['degradation'];
  readonly sigma?: number;
  readonly noise?: number;
}

interface EnlargeFileOptions {
  readonly upscaler: Upscaler;
  readonly model: ServedModel;
  readonly quality?: number;
  readonly blind?: ServedModel;
  readonly hint: DegradationHint;
}

/** One picture is decoded or encoded while another is in the network. */
const LANES = 2;

/** The user's own pictures are only limited by what the formats can hold. */
const LIMITS = {
  maxInputPixels: MAX_PIXELS,
  maxOutputPixels: MAX_PIXELS,
  maxWholeOutputPixels: MAX_PIXELS,
  maxInputBytes: Number.MAX_SAFE_INTEGER,
};

/** Throws DS_BAD_OPTION before anything is written; DS_BAD_IMAGE when a picture could not be enlarged. */
export async function runUpscale(from: string, out: string, flags: UpscaleFlags): Promise<void> {
  const { scale, model: id, engine, provider, workers, quality } = flags;
  const { files, skipped } = await planFiles(from, out);
  const stored = id === undefined ? await openBestModel(scale ?? 4, flags) : await openModel(id, scale, flags);
  for (const name of skipped) console.error(`skipped: ${name} (not a PNG, JPEG, WebP or AVIF file)`);
  const model = compileServedModel(stored, engine);
  const { hint, blind } = await openBlind(stored, flags);
  const upscaler = await createUpscaler({
    maxOutputPixels: MAX_PIXELS,
    engine,
    provider,
    logger: quietLogger,
    workers,
  });
  try {
    const { failed, byModel } = await enlargeAll(files, { upscaler, model, blind, hint, quality });
    const total = files.length;
    if (failed > 0) throw new DualscaleError('DS_BAD_IMAGE', `${failed} of ${total} pictures could not be enlarged`);
    const pictures = total === 1 ? 'picture' : 'pictures';
    console.log(`${total} ${pictures} enlarged x${model.scale} by ${describeCounts(byModel)}`);
  } finally {
    await upscaler.close();
  }
}

/** The hint and the model for degraded pictures. Throws DS_BAD_OPTION where the hint needs one and there is none. */
async function openBlind(stored: StoredModel, flags: UpscaleFlags) {
  const { degradation, sigma, noise, engine, model } = flags;
  const { scale, degradation: madeFor } = stored.manifest;
  const hint: DegradationHint = { degradation, sigma, noise };
  checkHint(hint);
  // A model that was named enlarges everything, unless a degradation was given as well.
  const isNamed = model !== undefined && isUnstated(hint);
  if (isNamed || degradation === 'bicubic' || madeFor === 'blind') return { hint };
  const blind = await openBlindModel(scale, flags);
  if (!blind && needsBlind(hint)) {
    throw badOption('--degradation', `auto or bicubic: there is no blind model of scale ${scale}`, 'blind');
  }
  return { hint, blind: blind && compileServedModel(blind, engine) };
}

/** Returns how many failed, and how many each model enlarged. A failure is reported and does not stop the others. */
async function enlargeAll(files: readonly PlannedFile[], options: EnlargeFileOptions) {
  const progress = new Progress();
  const byModel = new Map<string, number>();
  const waiting = files.values();
  let done = 0;
  let failed = 0;
  const lane = async () => {
    for (const file of waiting) {
      try {
        const id = await enlargeFile(file, options);
        byModel.set(id, (byModel.get(id) ?? 0) + 1);
      } catch (error) {
        failed += 1;
        progress.say(`error: ${file.from}: ${(error as Error).message}`);
      }
      progress.update('upscale', ++done, files.length, file.from);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  progress.stop();
  return { failed, byModel };
}

/** Returns the id of the model. */
async function enlargeFile({ from, to, format }: PlannedFile, options: EnlargeFileOptions): Promise<string> {
  const { quality, upscaler, model, blind, hint } = options;
  const { data, modelId } = await enlargeEncoded(await readFile(from), {
    upscaler,
    model,
    blind,
    hint,
    limits: LIMITS,
    encoding: { metadata: 'keep', quality },
    format,
    consistency: false,
    now: () => 0,
  });
  await mkdir(dirname(to), { recursive: true });
  await replaceFile(to, data);
  return modelId;
}

/** `edge-x4`, or `edge-x4 (3) and edge-blind-x4 (2)`. */
function describeCounts(byModel: ReadonlyMap<string, number>): string {
  if (byModel.size === 1) return [...byModel.keys()].join();
  return [...byModel].map(([id, count]) => `${id} (${count})`).join(' and ');
}
