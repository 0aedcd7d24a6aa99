import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decode } from '../codec/decode.ts';
import { encode } from '../codec/encode.ts';
import { checkOutputSize, MOST_PIXELS } from '../codec/limits.ts';
import { resizeAlpha } from '../codec/resize-alpha.ts';
import type { ServedModel } from '../engine/engine.ts';
import type { Upscaler } from '../upscale/upscaler.ts';
import type { PlannedFile } from './plan-files.ts';

/** One's own pictures need no protection from their size, only from what the formats cannot hold. */
const LIMITS = {
  maxInputPixels: MOST_PIXELS,
  maxOutputPixels: MOST_PIXELS,
  maxInputBytes: Number.MAX_SAFE_INTEGER,
};

export interface EnlargeFileOptions {
  readonly upscaler: Upscaler;
  readonly model: ServedModel;
  readonly quality?: number;
}

/** Reads, enlarges, writes; `to` is replaced whole or not at all. Throws what codec and upscaler throw, and file errors. */
export async function enlargeFile({ from, to, format }: PlannedFile, options: EnlargeFileOptions): Promise<void> {
  const { upscaler, model, quality } = options;
  const { rgb, alpha, header } = await decode(await readFile(from), LIMITS);
  checkOutputSize(rgb, model.scale, format, LIMITS);
  const [enlarged, enlargedAlpha] = await Promise.all([
    upscaler.upscale(rgb, model),
    alpha && resizeAlpha(alpha, model.scale),
  ]);
  const bytes = await encode(enlarged, enlargedAlpha, { ...header, format }, quality === undefined ? {} : { quality });
  await mkdir(dirname(to), { recursive: true });
  const beside = `${to}.${process.pid}.tmp`;
  try {
    await writeFile(beside, bytes);
    await rename(beside, to);
  } finally {
    await rm(beside, { force: true });
  }
}
