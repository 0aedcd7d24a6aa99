/** `dualscale upscale IN OUT`. */
import { MOST_PIXELS } from '../codec/limits.ts';
import type { EngineName, Provider, TfjsBackend } from '../engine/engine.ts';
import { compileServedModel } from '../engine/served-model.ts';
import { DualscaleError } from '../errors.ts';
import { createUpscaler } from '../upscale/upscale.ts';
import { type EnlargeFileOptions, enlargeFile } from './enlarge-file.ts';
import { quietLogger } from './logger.ts';
import { type ModelFlags, openBestModel, openModel } from './open-models.ts';
import { type FilePlan, planFiles } from './plan-files.ts';
import { createProgress } from './progress.ts';

export interface UpscaleFlags extends ModelFlags {
  readonly scale?: number;
  readonly model?: string;
  readonly quality?: number;
  readonly engine: EngineName;
  readonly provider: 'auto' | Provider | TfjsBackend;
  readonly workers?: number;
}

/** One picture is decoded or encoded while another is in the network. */
const LANES = 2;

/** Returns how many failed; each failure is reported and the others go on. */
async function enlargeAll({ files }: FilePlan, options: EnlargeFileOptions): Promise<number> {
  const progress = createProgress('upscale', files.length);
  const waiting = files.values();
  let [done, failed] = [0, 0];
  const lane = async () => {
    for (const file of waiting) {
      try {
        await enlargeFile(file, options);
      } catch (error) {
        failed += 1;
        progress.say(`error: ${file.from}: ${(error as Error).message}`);
      }
      progress.update(++done, file.from);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  progress.stop();
  return failed;
}

/** Throws DS_BAD_OPTION before anything is written; DS_BAD_IMAGE when a picture could not be enlarged. */
export async function runUpscale(from: string, out: string, flags: UpscaleFlags): Promise<void> {
  const { scale, model: id, engine, provider, workers, quality } = flags;
  const plan = await planFiles(from, out);
  const stored = id === undefined ? await openBestModel(scale ?? 4, flags) : await openModel(id, scale, flags);
  for (const name of plan.skipped) console.error(`skipped: ${name} (not a PNG, JPEG, WebP or AVIF file)`);
  const model = compileServedModel(stored, engine);
  const upscaler = await createUpscaler({
    maxOutputPixels: MOST_PIXELS,
    engine,
    provider,
    logger: quietLogger,
    ...(workers === undefined ? {} : { workers }),
  });
  try {
    const failed = await enlargeAll(plan, { upscaler, model, ...(quality === undefined ? {} : { quality }) });
    const total = plan.files.length;
    if (failed > 0) throw new DualscaleError('DS_BAD_IMAGE', `${failed} of ${total} pictures could not be enlarged`);
    console.log(`${total} ${total === 1 ? 'picture' : 'pictures'} enlarged x${model.scale} by ${model.id}`);
  } finally {
    await upscaler.close();
  }
}
