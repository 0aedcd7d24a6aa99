/** `dualscale eval --degradation`: one row for each way in which the pictures are made small. */
import { basename, resolve } from 'node:path';
import { compressJpeg } from '../../core/codec/encode.ts';
import { type Degradation, degrade } from '../../core/degradation/degrade.ts';
import { parseDegradation } from '../../core/degradation/parse.ts';
import { degradeTwice } from '../../core/degradation/second-order.ts';
import { encodeDegradation } from '../../core/degradation/vector.ts';
import { badOption } from '../../core/errors.ts';
import { evaluate } from '../../core/measure/evaluate.ts';
import { createRandom } from '../../core/random.ts';
import { createProgress } from '../progress.ts';
import { recordQuality } from '../record-quality.ts';
import { formatTable } from '../table.ts';
import type { Enlarger, EvalFlags } from './eval.ts';

/** Stands for the random second-order pipeline. */
const REAL = 'real';

/** Throws DS_BAD_OPTION, before a model is loaded. */
export function checkDegradedFlags({ degradation, told, model }: EvalFlags): void {
  if (told && degradation === undefined) throw badOption('--told', 'used with --degradation', 'no degradation');
  if (told && model === undefined) throw badOption('--told', 'used with --model', 'no model');
  if (told && degradation?.includes(REAL))
    throw badOption('--told', `used without \`${REAL}\`, which has no code`, REAL);
  for (const text of degradation ?? []) if (text !== REAL) parseDegradation(text);
}

/** Noise is drawn from the picture's number: the same for every model. */
async function measure(
  enlarger: Enlarger,
  degradation: Degradation | typeof REAL,
  code: Float32Array | undefined,
  dataDir: string,
) {
  const { scale, enlarge } = enlarger;
  return evaluate({
    dataDir,
    scale,
    enlarge: (lrImage) => enlarge(lrImage, code),
    degrade(hrImage, index) {
      const options = { scale, random: createRandom(1, index), compressJpeg };
      return degradation === REAL ? degradeTwice(hrImage, options) : degrade(hrImage, degradation, options);
    },
  });
}

/** Prints mean PSNR and SSIM by degradation. Throws what `evaluate` throws, DS_BAD_OPTION for a model that takes no code. */
export async function evaluateDegraded(enlarger: Enlarger, texts: readonly string[], flags: EvalFlags): Promise<void> {
  const { data, told = false, json, record, set = basename(resolve(data)) } = flags;
  const { name, scale, vectorWidth } = enlarger;
  if (told && vectorWidth === undefined) throw badOption('--told', 'used with a model that takes a degradation', name);
  const progress = createProgress('eval', texts.length);
  const rows: { degradation: string; psnrDb: number; ssim: number }[] = [];
  try {
    for (const text of texts) {
      const degradation = text === REAL ? REAL : parseDegradation(text);
      const code = told && degradation !== REAL ? encodeDegradation(degradation, scale) : undefined;
      const { psnrDb, ssim } = await measure(enlarger, degradation, code, data);
      rows.push({ degradation: text, psnrDb, ssim });
      progress.update(rows.length, text);
    }
  } finally {
    progress.stop();
  }
  if (record && enlarger.stored) {
    const measured = rows.map((row) => ({ ...row, set, told }));
    await recordQuality(enlarger.stored, measured, flags);
  }
  if (json) {
    console.log(JSON.stringify({ enlarger: name, set, scale, told, rows }, null, 2));
    return;
  }
  const right = (title: string) => ({ title, align: 'right' as const });
  const lines = rows.map((row) => [row.degradation, row.psnrDb.toFixed(2), row.ssim.toFixed(4)]);
  console.log(formatTable([{ title: 'degradation' }, right('PSNR dB'), right('SSIM')], lines));
}
