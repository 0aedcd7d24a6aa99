/** The photographs a run trains on: found, decoded, reduced to every level once, split by the hash of their bytes. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DualscaleError } from '../../../core/errors.ts';
import { crop } from '../../../core/pixels/crop.ts';
import type { PixelImage } from '../../../core/pixels/image.ts';
import { imresize } from '../../../core/pixels/imresize.ts';
import { type Augmentation, withCopies } from './augmentation.ts';

/** One photograph at each level; key 1 is the LR image, the largest key the HR image. */
export type ImagePyramid = ReadonlyMap<number, PixelImage>;

export interface Dataset {
  readonly train: readonly ImagePyramid[];
  /** How many of them are smaller copies of others (`Augmentation`). @default 0 */
  readonly copies?: number;
  readonly validation: readonly ImagePyramid[];
  /** sha256 over the sorted file hashes: two runs with the same digest saw the same pictures. */
  readonly digest: string;
  /** Files that are not used, and why, in the order they were found. */
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
}

export interface DatasetOptions {
  /** What the folders are called in messages. @default 'data' */
  readonly option?: string;
  /** Folders searched recursively for JPEG, PNG, WebP and AVIF files. */
  readonly folders: readonly string[];
  readonly levels: readonly number[];
  /** Photographs with more pixels are halved (bicubic): full-size ones are smooth and carry JPEG artefacts. @default 400_000 */
  readonly halveAbovePixels?: number;
  /** Smallest LR side, in pixels, of a usable photograph. */
  readonly minLrSide: number;
  /** Copies are of photographs to train on only. */
  readonly augmentation?: Augmentation;
  /** Share of the photographs held out, 0 to 1 (excluded). @default 0.03 */
  readonly validationShare?: number;
  readonly decode: (bytes: Buffer) => Promise<PixelImage>;
  /** Called after each photograph with how many are done. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const PHOTOGRAPH = /\.(jpe?g|png|webp|avif)$/i;

/** Every picture file of the folders and their subfolders, sorted; links are not followed. Throws DS_BAD_DATA when a folder cannot be read. */
export async function listPhotographs({
  folders,
  option = 'data',
}: Pick<DatasetOptions, 'folders' | 'option'>): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: Error) => {
      throw new DualscaleError(
        'DS_BAD_DATA',
        `expected \`${option}\` to be a readable folder, got \`${folder}\` (${cause.message})`,
        { cause },
      );
    });
    for (const entry of entries)
      if (entry.isFile() && PHOTOGRAPH.test(entry.name)) found.push(join(entry.parentPath, entry.name));
  }
  return found.sort();
}

/** Validation photographs are those whose hash falls below the share: adding pictures never moves one across the split. */
export function isValidation(hash: string, share: number): boolean {
  return Number.parseInt(hash.slice(0, 8), 16) / 2 ** 32 < share;
}

/** HR cut to a multiple of the scale, then reduced from HR to every level (never from level to level). */
function buildPyramid(photograph: PixelImage, levels: readonly number[]): ImagePyramid {
  const scale = Math.max(...levels);
  const width = photograph.width - (photograph.width % scale);
  const height = photograph.height - (photograph.height % scale);
  const hrImage = crop(photograph, { x: 0, y: 0, width, height });
  return new Map(
    levels.map((level) => [level, level === scale ? hrImage : imresize(hrImage, { scale: level / scale })]),
  );
}

/** A photograph ready to be reduced, or the reason why it is of no use. */
async function readPhotograph(bytes: Buffer, options: DatasetOptions): Promise<PixelImage | string> {
  const { levels, minLrSide, halveAbovePixels = 400_000, decode } = options;
  const decoded = await decode(bytes).catch((error: Error) => error.message);
  if (typeof decoded === 'string') return decoded;
  const { width, height } = decoded;
  const photograph = width * height > halveAbovePixels ? imresize(decoded, { scale: 0.5 }) : decoded;
  const minSide = minLrSide * Math.max(...levels);
  if (Math.min(photograph.width, photograph.height) >= minSide) return photograph;
  return `${photograph.width}x${photograph.height} is too small for patches of ${minSide} pixels`;
}

/** Throws DS_BAD_DATA when a folder cannot be read or no usable photograph is left for training, DS_ABORTED when the signal fires. */
export async function loadDataset(options: DatasetOptions): Promise<Dataset> {
  const { folders, levels, minLrSide, validationShare = 0.03, option = 'data', onProgress, signal } = options;
  const { augmentation = {} } = options;
  const minSide = minLrSide * Math.max(...levels);
  const files = await listPhotographs(options);
  const train: ImagePyramid[] = [];
  const validation: ImagePyramid[] = [];
  const hashes = new Set<string>();
  let copies = 0;
  const skipped: { file: string; reason: string }[] = [];
  for (const [i, file] of files.entries()) {
    if (signal?.aborted) throw new DualscaleError('DS_ABORTED', 'stopped while the photographs were read');
    const bytes = await readFile(file);
    const hash = createHash('sha256').update(bytes).digest('hex');
    const photograph = hashes.has(hash) ? 'the same bytes as another file' : await readPhotograph(bytes, options);
    if (typeof photograph === 'string') skipped.push({ file, reason: photograph });
    else {
      hashes.add(hash);
      if (isValidation(hash, validationShare)) validation.push(buildPyramid(photograph, levels));
      else {
        const sizes = withCopies(photograph, augmentation, minSide);
        train.push(...sizes.map((size) => buildPyramid(size, levels)));
        copies += sizes.length - 1;
      }
    }
    onProgress?.(i + 1, files.length);
  }
  if (train.length === 0) {
    throw new DualscaleError(
      'DS_BAD_DATA',
      `expected \`${option}\` to hold photographs of at least ${minSide} pixels a side, got ${files.length} files and none usable in \`${folders.join(', ')}\``,
    );
  }
  const digest = createHash('sha256')
    .update([...hashes].sort().join())
    .digest('hex');
  return { train, validation, digest, skipped, copies: copies > 0 ? copies : undefined };
}

/**
 * Pictures without ground truth: taken as they are, for halving would change what they suffer from, and none held out.
 * Throws as `loadDataset` does.
 */
export async function loadUnpaired(
  options: Omit<DatasetOptions, 'levels' | 'halveAbovePixels' | 'validationShare' | 'augmentation'>,
) {
  const whole = { levels: [1], halveAbovePixels: Number.POSITIVE_INFINITY, validationShare: 0 };
  const { train: pyramids, digest, skipped } = await loadDataset({ ...options, ...whole });
  return { pyramids, digest, skipped };
}

export interface UnpairedOptions {
  /** Folders of pictures as small as the network's input will be. */
  readonly folders: readonly string[];
  /** Share of every batch, above 0 and below 1. */
  readonly share: number;
}

/** What a run has read: `digest` and `skipped` as in `Dataset`. */
export type DatasetSummary = Pick<Dataset, 'digest' | 'skipped'> & {
  /** Photographs, without their copies. */
  readonly trainImages: number;
  readonly copies?: number;
  readonly validationImages: number;
  readonly unpaired?: Pick<Dataset, 'digest' | 'skipped'> & { readonly images: number };
};

export interface TrainingData extends Dataset {
  readonly unpaired?: Awaited<ReturnType<typeof loadUnpaired>>;
}

export function summarise({ digest, skipped, train, validation, unpaired, copies = 0 }: TrainingData): DatasetSummary {
  const counts = { trainImages: train.length - copies, copies: copies > 0 ? copies : undefined };
  const pairs = { digest, skipped, ...counts, validationImages: validation.length };
  if (!unpaired) return pairs;
  const { pyramids, ...rest } = unpaired;
  return { ...pairs, unpaired: { ...rest, images: pyramids.length } };
}

interface TrainingDataOptions {
  /** Side of the largest LR patch, in pixels. */
  readonly minLrSide: number;
  readonly data: readonly string[];
  readonly unpaired?: UnpairedOptions;
  /** Share of the photographs held out by hash. @default 0.03 */
  readonly validationShare?: number;
  readonly augmentation?: Augmentation;
  readonly decode: (bytes: Buffer) => Promise<PixelImage>;
  readonly report: (event: { readonly type: 'data'; readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal;
}

/** Throws as `loadDataset` does. */
export async function loadTrainingData(
  { minLrSide, data, unpaired, validationShare, augmentation, decode, report, signal }: TrainingDataOptions,
  levels: readonly number[],
): Promise<TrainingData> {
  const common = {
    minLrSide,
    decode,
    onProgress: (done: number, total: number) => report({ type: 'data', done, total }),
    signal,
  };
  const held = validationShare === undefined ? {} : { validationShare };
  const more = augmentation ? { augmentation } : {};
  const pairs = await loadDataset({ ...common, ...held, ...more, folders: data, levels });
  if (!unpaired) return pairs;
  return { ...pairs, unpaired: await loadUnpaired({ ...common, folders: unpaired.folders, option: '--unpaired' }) };
}
