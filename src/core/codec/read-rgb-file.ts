import { readFile } from 'node:fs/promises';
import { DualscaleError } from '../errors.ts';
import type { PixelImage } from '../pixels/image.ts';
import { decodeRgb } from './decode.ts';

/** RGB pixels of an image file. Throws like `decodeRgb`, with the file's name in the message. */
export async function readRgbFile(path: string): Promise<PixelImage> {
  const bytes = await readFile(path);
  try {
    return await decodeRgb(bytes);
  } catch (cause) {
    if (!(cause instanceof DualscaleError)) throw cause;
    throw new DualscaleError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}
