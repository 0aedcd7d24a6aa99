/** A folder of pictures that came from elsewhere: those large enough for pairs apart from the small ones. */
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readHeader } from '../../core/codec/header.ts';

/** Pixels of the smaller side from which a picture can be made small and asked back: patches of 32 pixels at x4. */
const MIN_PAIR_SIDE = 128;
/** Patches need that much. */
const MIN_SIDE = 32;
/** As sharp's own limit: what claims more is a bomb. */
const MAX_PIXELS = 268_402_689;

export type PictureKind = 'large' | 'small';

export interface PictureCount {
  /** All of them. */
  readonly pictures: number;
  readonly smallPictures: number;
  readonly bytes: number;
}

export interface UsablePicture {
  readonly kind: PictureKind;
  /** Ending of its file. */
  readonly format: string;
}

/** Undefined for what a job has no use for: no picture, animated, tiny, or too large to decode. */
export async function inspectPicture(bytes: Buffer): Promise<UsablePicture | undefined> {
  const header = await readHeader(bytes).catch(() => undefined);
  if (!header || header.isAnimated || header.width * header.height > MAX_PIXELS) return undefined;
  const side = Math.min(header.width, header.height);
  if (side < MIN_SIDE) return undefined;
  return { kind: side >= MIN_PAIR_SIDE ? 'large' : 'small', format: header.format };
}

/** @param name without ending and never from outside. */
export async function keepPicture(
  directory: string,
  name: string,
  bytes: Buffer,
  { kind, format }: UsablePicture,
): Promise<string> {
  const path = join(directory, kind, `${name}.${format}`);
  await mkdir(join(directory, kind), { recursive: true });
  await writeFile(path, bytes);
  return path;
}

export async function listPictures(directory: string, kind: PictureKind): Promise<string[]> {
  const names = await readdir(join(directory, kind)).catch((): string[] => []);
  return names.filter((name) => !name.startsWith('.')).map((name) => join(directory, kind, name));
}

export async function countPictures(directory: string): Promise<PictureCount> {
  const [large, small] = await Promise.all([listPictures(directory, 'large'), listPictures(directory, 'small')]);
  let bytes = 0;
  for (const path of [...large, ...small]) bytes += (await stat(path).catch(() => undefined))?.size ?? 0;
  return { pictures: large.length + small.length, smallPictures: small.length, bytes };
}
