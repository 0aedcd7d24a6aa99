/** Everything a run reads before its first step. */
import type { PixelImage } from '../../../core/pixels/image.ts';
import type { Augmentation } from './augmentation.ts';
import type { Dataset } from './dataset.ts';
import { loadDataset, loadUnpaired } from './dataset.ts';

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
