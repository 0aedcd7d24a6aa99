/** The layout benchmarks are distributed in: `HR/baby.png` and, where given, `LR_bicubic/X4/babyx4.png` (or `baby.png`). */
import { readdir } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { DualscaleError } from '../errors.ts';

export interface BenchmarkPair {
  /** The HR file's name without its extension. */
  readonly name: string;
  readonly hrPath: string;
  /** Absent where the LR image is to be made from the HR image. */
  readonly lrPath?: string;
}

const EXTENSIONS: ReadonlySet<string> = new Set(['.png', '.jpg', '.jpeg', '.webp', '.avif']);

/**
 * The pairs of a data folder, by name. The LR files are all there or not at all: a set that is half measured on made LR
 * images would be compared with figures it cannot be compared with.
 * Throws DS_BAD_DATA when `HR/` is missing or holds no image, or an LR image is missing from a folder that exists.
 */
export async function listPairs(dataDir: string, scale: number): Promise<BenchmarkPair[]> {
  const hrDir = join(dataDir, 'HR');
  const hrFiles = await listImages(hrDir);
  if (!hrFiles || hrFiles.length === 0) {
    throw new DualscaleError(
      'DS_BAD_DATA',
      `expected PNG, JPEG, WebP or AVIF images in ${hrDir}, found ${hrFiles ? 'none' : 'no such folder'}`,
    );
  }
  const lrDir = join(dataDir, 'LR_bicubic', `X${scale}`);
  const lrFiles = await listImages(lrDir);
  return hrFiles.map((hrFile) => {
    const { name } = parse(hrFile);
    const hrPath = join(hrDir, hrFile);
    if (!lrFiles) return { name, hrPath };
    const lrFile =
      lrFiles.find((file) => parse(file).name === `${name}x${scale}`) ??
      lrFiles.find((file) => parse(file).name === name);
    if (lrFile === undefined) {
      throw new DualscaleError(
        'DS_BAD_DATA',
        `expected ${name}x${scale} or ${name} in ${lrDir} for ${hrPath}, found neither`,
      );
    }
    return { name, hrPath, lrPath: join(lrDir, lrFile) };
  });
}

/** Any folder of HR images, or one with `HR/`: for LR images that are made. Throws DS_BAD_DATA when it holds none. */
export async function listHrImages(dataDir: string): Promise<BenchmarkPair[]> {
  const inside = await listImages(join(dataDir, 'HR'));
  const folder = inside ? join(dataDir, 'HR') : dataDir;
  const files = inside ?? (await listImages(dataDir)) ?? [];
  if (files.length === 0)
    throw new DualscaleError('DS_BAD_DATA', `expected PNG, JPEG, WebP or AVIF images in ${folder}`);
  return files.map((file) => ({ name: parse(file).name, hrPath: join(folder, file) }));
}

/** Undefined when there is no such folder. */
async function listImages(folder: string): Promise<string[] | undefined> {
  try {
    const names = await readdir(folder);
    return names.filter((name) => EXTENSIONS.has(parse(name).ext.toLowerCase())).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
}
