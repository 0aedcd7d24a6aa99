/** `dualscale eval`. */
import { basename, resolve } from 'node:path';
import type { EngineName, Provider, TfjsBackend } from '../../core/engine/engine.ts';
import { compileServedModel } from '../../core/engine/served/served-model.ts';
import { badOption } from '../../core/errors.ts';
import { type Evaluation, evaluate } from '../../core/measure/evaluate.ts';
import { baseline, type Enlarge } from '../../core/measure/quality.ts';
import { roundParameters } from '../../core/models/convert.ts';
import type { StoredModel } from '../../core/models/load.ts';
import type { StoredDtype } from '../../core/models/safetensors.ts';
import type { PixelImage } from '../../core/pixels/image.ts';
import { createUpscaler } from '../../core/upscale/upscale.ts';
import { quietLogger } from '../logger.ts';
import { type ModelFlags, openModel } from '../open-models.ts';
import { createProgress, type Progress } from '../progress.ts';
import { PROTOCOL, recordQuality } from '../record-quality.ts';
import { formatTable } from '../table.ts';
import { checkDegradedFlags, evaluateDegraded } from './eval-degraded.ts';

export interface EvalFlags extends ModelFlags {
  readonly model?: string;
  readonly method?: 'bicubic' | 'lanczos3';
  readonly data: string;
  readonly scale?: number;
  readonly set?: string;
  readonly record?: boolean;
  readonly weights?: StoredDtype;
  readonly degradation?: readonly string[];
  readonly told?: boolean;
  readonly json?: boolean;
  readonly engine: EngineName;
  readonly provider: 'auto' | Provider | TfjsBackend;
  readonly workers?: number;
}

export interface Enlarger {
  readonly name: string;
  readonly scale: number;
  readonly stored?: StoredModel;
  /** @param code for models that are told the degradation; without it they guess it */
  readonly enlarge: (lrImage: PixelImage, code?: Float32Array) => Promise<PixelImage>;
  /** Numbers of such a code. */
  readonly vectorWidth?: number | undefined;
  /** The model as it is stored, where `enlarge` is not. */
  readonly enlargeAsStored?: Enlarge;
  close(): Promise<void>;
}

/** Workers know networks by their digest. */
function storeAs({ manifest, parameters, digest }: StoredModel, weights: StoredDtype) {
  return { manifest, parameters: roundParameters(parameters, weights), digest: `${digest}-${weights}` };
}

async function openEnlarger(flags: EvalFlags): Promise<Enlarger> {
  const { model: id, method, scale, engine, provider, workers, weights } = flags;
  if (method !== undefined) {
    if (scale === undefined) throw badOption('--scale', 'given with --method', 'nothing');
    const enlarge = baseline(method, scale);
    return { name: method, scale, enlarge: (lrImage) => enlarge(lrImage), close: async () => {} };
  }
  if (id === undefined) throw badOption('--model', 'given, or --method', 'nothing');
  const stored = await openModel(id, scale, flags);
  const asStored = compileServedModel(stored, engine);
  const model = weights === undefined ? asStored : compileServedModel(storeAs(stored, weights), engine);
  const pool = workers === undefined ? {} : { workers };
  const upscaler = await createUpscaler({ engine, provider, logger: quietLogger, ...pool });
  return {
    name: id,
    scale: model.scale,
    stored,
    enlarge: (lrImage, code) => upscaler.upscale(lrImage, model, code ? { vector: code } : {}),
    vectorWidth: model.vectorWidth,
    enlargeAsStored: model === asStored ? undefined : (lrImage) => upscaler.upscale(lrImage, asStored),
    close: () => upscaler.close(),
  };
}

function printTable({ images, psnrDb, ssim }: Evaluation): void {
  const rows = [...images, { name: 'mean', width: 0, height: 0, psnrDb, ssim }].map((row) => [
    row.name,
    row.width > 0 ? `${row.width}x${row.height}` : '',
    row.psnrDb.toFixed(2),
    row.ssim.toFixed(4),
  ]);
  const right = (title: string) => ({ title, align: 'right' as const });
  console.log(formatTable([{ title: 'image' }, right('size'), right('PSNR dB'), right('SSIM')], rows));
}

function printDifference(weights: string, result: Evaluation, asStored: Evaluation): void {
  const difference = result.psnrDb - asStored.psnrDb;
  console.log(`as stored: ${asStored.psnrDb.toFixed(4)} dB, SSIM ${asStored.ssim.toFixed(5)}`);
  console.log(
    `as ${weights}: ${result.psnrDb.toFixed(4)} dB, SSIM ${result.ssim.toFixed(5)}; difference ${difference.toFixed(4)} dB`,
  );
}

export async function runEval(flags: EvalFlags): Promise<void> {
  const { data, json, record: isRecorded, weights, set = basename(resolve(data)) } = flags;
  if (weights !== undefined && flags.model === undefined) throw badOption('--weights', 'used with --model', weights);
  if (isRecorded && flags.model === undefined) throw badOption('--record', 'used with --model', 'no model');
  checkDegradedFlags(flags);
  const enlarger = await openEnlarger(flags);
  if (flags.degradation) return evaluateDegraded(enlarger, flags.degradation, flags).finally(() => enlarger.close());
  const { name, scale, enlarge, enlargeAsStored } = enlarger;
  let progress: Progress | undefined;
  try {
    const result = await evaluate({
      dataDir: data,
      scale,
      enlarge: (lrImage) => enlarge(lrImage),
      onImage(score, done, total) {
        progress ??= createProgress('eval', total);
        progress.update(done, score.name);
      },
    });
    const asStored = enlargeAsStored && (await evaluate({ dataDir: data, scale, enlarge: enlargeAsStored }));
    progress?.stop();
    const compared = asStored && { asStored: { psnrDb: asStored.psnrDb, ssim: asStored.ssim } };
    if (json) console.log(JSON.stringify({ enlarger: name, set, protocol: PROTOCOL, ...result, ...compared }, null, 2));
    else printTable(result);
    if (asStored && !json) printDifference(weights as string, result, asStored);
    if (isRecorded && enlarger.stored) await recordQuality(enlarger.stored, [{ set, ...result }], flags);
  } finally {
    progress?.stop();
    await enlarger.close();
  }
}
