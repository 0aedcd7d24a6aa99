import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile } from '../core/atomic-file.ts';
import type { EncodeOptions } from '../core/codec/encode-format.ts';
import { MAX_PIXELS } from '../core/codec/limits.ts';
import type { ServedModel } from '../core/engine/served/served-types.ts';
import type { DegradationHint } from '../core/upscale/degradation-hint.ts';
import { enlargeEncoded } from '../core/upscale/enlarge-encoded.ts';
import type { Upscaler } from '../core/upscale/upscaler.ts';
import type { PlannedFile } from './plan-files.ts';

/** One's own pictures need no protection from their size, only from what the formats cannot hold. */
const LIMITS = {
  maxInputPixels: MAX_PIXELS,
  maxOutputPixels: MAX_PIXELS,
  maxWholeOutputPixels: MAX_PIXELS,
  maxInputBytes: Number.MAX_SAFE_INTEGER,
};

export interface EnlargeFileOptions {
  readonly upscaler: Upscaler;
  readonly model: ServedModel;
  readonly quality?: number;
  /** See `enlargeEncoded`. */
  readonly blind?: ServedModel;
  readonly hint?: DegradationHint;
}

/** Reads, enlarges, writes, and returns the id of the model that did; `to` is replaced whole or not at all. Throws what codec and upscaler throw, and file errors. */
export async function enlargeFile({ from, to, format }: PlannedFile, options: EnlargeFileOptions): Promise<string> {
  const { quality, ...models } = options;
  const encoding: EncodeOptions = { metadata: 'keep', quality };
  const parts = { ...models, limits: LIMITS, encoding, format, consistency: false, now: () => 0 } as const;
  const { data, modelId } = await enlargeEncoded(await readFile(from), parts);
  await mkdir(dirname(to), { recursive: true });
  await replaceFile(to, data);
  return modelId;
}
