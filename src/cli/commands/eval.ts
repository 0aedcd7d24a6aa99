/** `dualscale eval`: quality on a benchmark folder, or on pictures that are degraded here. */
import { basename, resolve } from 'node:path';
import { compressJpeg } from '../../core/codec/encode.ts';
import { type Degradation, degrade } from '../../core/degradation/degrade.ts';
import { parseDegradation } from '../../core/degradation/parse.ts';
import { degradeTwice } from '../../core/degradation/second-order.ts';
import { encodeDegradation } from '../../core/degradation/vector.ts';
import { compileServedModel } from '../../core/engine/served/served-model.ts';
import { badOption } from '../../core/errors.ts';
import { type Evaluation, evaluate } from '../../core/measure/evaluate.ts';
import { baseline } from '../../core/measure/quality.ts';
import { roundParameters } from '../../core/models/convert.ts';
import type { StoredModel } from '../../core/models/load.ts';
import type { StoredDtype } from '../../core/models/safetensors.ts';
import type { PixelImage } from '../../core/pixels/image.ts';
import { createRandom } from '../../core/random.ts';
import { createUpscaler } from '../../core/upscale/upscale.ts';
import { openModel } from '../open-models.ts';
import type { EngineFlags } from '../options.ts';
import { Progress } from '../progress.ts';
import { PROTOCOL, recordQuality } from '../record-quality.ts';
import { printJson, printTable, quietLogger } from '../terminal.ts';

interface EvalFlags extends EngineFlags {
  readonly model?: string;
  readonly method?: 'bicubic' | 'lanczos3';
  readonly data: string;
  readonly scale?: number;
  readonly set?: string;
  readonly record?: boolean;
  readonly weights?: StoredDtype;
  readonly degradation?: readonly string[];
  readonly givenDegradation?: boolean;
  readonly json?: boolean;
}

interface Enlarger {
  readonly name: string;
  readonly scale: number;
  readonly stored?: StoredModel;
  /** @param vector the degradation, for models that take one; they estimate it otherwise */
  readonly enlarge: (lrImage: PixelImage, vector?: Float32Array) => Promise<PixelImage>;
  /** Length of such a vector. */
  readonly vectorWidth?: number;
  /** With the weights as they are stored, when `enlarge` uses others. */
  readonly enlargeAsStored?: (lrImage: PixelImage) => Promise<PixelImage>;
  close(): Promise<void>;
}

export async function runEval(flags: EvalFlags): Promise<void> {
  checkFlags(flags);
  const enlarger = await openEnlarger(flags);
  const progress = new Progress();
  try {
    if (flags.degradation) await evaluateDegraded(enlarger, flags.degradation, flags, progress);
    else await evaluateFolder(enlarger, flags, progress);
  } finally {
    progress.stop();
    await enlarger.close();
  }
}

/** Stands for the random second-order pipeline. */
const REAL = 'real';

/** Throws DS_BAD_OPTION, before a model is loaded. */
function checkFlags({ model, weights, record, degradation, givenDegradation: isGiven }: EvalFlags): void {
  const given = '--given-degradation';
  if (weights !== undefined && model === undefined) throw badOption('--weights', 'used with --model', weights);
  if (record && model === undefined) throw badOption('--record', 'used with --model', 'no model');
  if (isGiven && degradation === undefined) throw badOption(given, 'used with --degradation', 'no degradation');
  if (isGiven && model === undefined) throw badOption(given, 'used with --model', 'no model');
  if (isGiven && degradation?.includes(REAL)) throw badOption(given, 'used with one that has parameters', REAL);
  for (const text of degradation ?? []) if (text !== REAL) parseDegradation(text);
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
  const model = weights === undefined ? asStored : compileServedModel(roundWeights(stored, weights), engine);
  const upscaler = await createUpscaler({ engine, provider, workers, logger: quietLogger });
  return {
    name: id,
    scale: model.scale,
    stored,
    enlarge: (lrImage, vector) => upscaler.upscale(lrImage, model, { vector }),
    vectorWidth: model.vectorWidth,
    enlargeAsStored: model === asStored ? undefined : (lrImage) => upscaler.upscale(lrImage, asStored),
    close: () => upscaler.close(),
  };
}

/** The digest changes too: by it workers tell networks apart. */
function roundWeights({ manifest, parameters, digest }: StoredModel, weights: StoredDtype) {
  return { manifest, parameters: roundParameters(parameters, weights), digest: `${digest}-${weights}` };
}

async function evaluateFolder(enlarger: Enlarger, flags: EvalFlags, progress: Progress): Promise<void> {
  const { data, json, weights, record, set = basename(resolve(data)) } = flags;
  const { name, scale, stored, enlarge, enlargeAsStored } = enlarger;
  const result = await evaluate({
    dataDir: data,
    scale,
    enlarge: (lrImage) => enlarge(lrImage),
    onImage: (score, done, total) => progress.update('eval', done, total, score.name),
  });
  const asStored = enlargeAsStored && (await evaluate({ dataDir: data, scale, enlarge: enlargeAsStored }));
  progress.stop();
  if (json) {
    const compared = asStored && { psnrDb: asStored.psnrDb, ssim: asStored.ssim };
    printJson({ enlarger: name, set, protocol: PROTOCOL, ...result, asStored: compared });
  } else {
    printScores(result);
    if (asStored) printDifference(weights as string, result, asStored);
  }
  if (record && stored) await recordQuality(stored, [{ set, ...result }], flags);
}

function printScores({ images, psnrDb, ssim }: Evaluation): void {
  const rows = images.map((image) => toRow(image.name, `${image.width}x${image.height}`, image));
  printTable(['image', 'size', 'PSNR dB', 'SSIM'], [...rows, toRow('mean', '', { psnrDb, ssim })]);
}

function toRow(name: string, size: string, { psnrDb, ssim }: { psnrDb: number; ssim: number }): string[] {
  return [name, size, psnrDb.toFixed(2), ssim.toFixed(4)];
}

function printDifference(weights: string, result: Evaluation, asStored: Evaluation): void {
  const difference = (result.psnrDb - asStored.psnrDb).toFixed(4);
  console.log(`as stored: ${asStored.psnrDb.toFixed(4)} dB, SSIM ${asStored.ssim.toFixed(5)}`);
  console.log(
    `as ${weights}: ${result.psnrDb.toFixed(4)} dB, SSIM ${result.ssim.toFixed(5)}; difference ${difference} dB`,
  );
}

/** Mean PSNR and SSIM, one row per degradation. Throws DS_BAD_OPTION for a model that takes no degradation. */
async function evaluateDegraded(
  enlarger: Enlarger,
  texts: readonly string[],
  flags: EvalFlags,
  progress: Progress,
): Promise<void> {
  const { data, givenDegradation: isGiven = false, json, record, set = basename(resolve(data)) } = flags;
  const { name, scale, stored, vectorWidth } = enlarger;
  if (isGiven && vectorWidth === undefined) throw badOption('--given-degradation', 'used with a blind model', name);
  const rows: { degradation: string; psnrDb: number; ssim: number }[] = [];
  for (const text of texts) {
    const degradation = text === REAL ? REAL : parseDegradation(text);
    const vector = isGiven && degradation !== REAL ? encodeDegradation(degradation, scale) : undefined;
    const { psnrDb, ssim } = await measureDegraded(enlarger, degradation, vector, data);
    rows.push({ degradation: text, psnrDb, ssim });
    progress.update('eval', rows.length, texts.length, text);
  }
  progress.stop();
  if (record && stored) {
    const measured = rows.map((row) => ({ ...row, set, isGiven }));
    await recordQuality(stored, measured, flags);
  }
  if (json) return printJson({ enlarger: name, set, scale, givenDegradation: isGiven, rows });
  printTable(
    ['degradation', 'PSNR dB', 'SSIM'],
    rows.map(({ degradation, psnrDb, ssim }) => [degradation, psnrDb.toFixed(2), ssim.toFixed(4)]),
  );
}

/** Noise is seeded by the picture's number: it is the same for every model. */
function measureDegraded(
  { scale, enlarge }: Enlarger,
  degradation: Degradation | typeof REAL,
  vector: Float32Array | undefined,
  dataDir: string,
): Promise<Evaluation> {
  return evaluate({
    dataDir,
    scale,
    enlarge: (lrImage) => enlarge(lrImage, vector),
    degrade(hrImage, index) {
      const options = { scale, random: createRandom(1, index), compressJpeg };
      return degradation === REAL ? degradeTwice(hrImage, options) : degrade(hrImage, degradation, options);
    },
  });
}
