/** Which photographs a job learns from, and which it is evaluated on: decided once, so that a resumed job sees the same ones. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readHeader } from '../../core/codec/header.ts';
import { DualscaleError } from '../../core/errors.ts';
import { listPhotographs } from '../../trainer/train/data/dataset.ts';
import { decideOnce } from '../json-file.ts';

export interface PreparedData {
  /** Share of hashes below which a photograph is held out. */
  readonly validationShare: number;
  /** Files. */
  readonly train: readonly string[];
  readonly validation: readonly string[];
}

/** So many held-out photographs tell one network from another within a few hundredths of a dB; more only take time. */
const MAX_VALIDATION = 16;
const VALIDATION_SHARE = 0.1;
/** As the trainer does: what has more pixels is halved. */
const HALVED_ABOVE_PIXELS = 400_000;

interface Photograph {
  readonly file: string;
  /** Where its hash lies between 0 and 1. */
  readonly place: number;
}

/** Undefined for a file that is no usable picture. */
async function inspect(file: string, minSide: number, seen: Set<string>): Promise<Photograph | undefined> {
  const bytes = await readFile(file);
  const hash = createHash('sha256').update(bytes).digest('hex');
  if (seen.has(hash)) return undefined;
  seen.add(hash);
  const header = await readHeader(bytes).catch(() => undefined);
  if (!header || header.isAnimated) return undefined;
  const { width, height } = header;
  const side = Math.min(width, height) / (width * height > HALVED_ABOVE_PIXELS ? 2 : 1);
  return side >= minSide ? { file, place: Number.parseInt(hash.slice(0, 8), 16) / 2 ** 32 } : undefined;
}

/**
 * The smallest hashes are held out, as many as make a tenth: a photograph that one job holds out is held out by the next one
 * too, unless there are far fewer photographs then.
 */
export function splitByHash(photographs: readonly Photograph[]): PreparedData {
  const sorted = photographs.toSorted((a, b) => a.place - b.place);
  const count = Math.min(MAX_VALIDATION, sorted.length >> 1, Math.max(2, Math.round(sorted.length * VALIDATION_SHARE)));
  const validationShare = (sorted[count - 1].place + sorted[count].place) / 2;
  const files = (part: readonly Photograph[]) => part.map(({ file }) => file);
  return { validationShare, validation: files(sorted.slice(0, count)), train: files(sorted.slice(count)) };
}

export interface PrepareDataOptions {
  readonly work: string;
  readonly folders: readonly string[];
  /** Pixels of the smaller side of a usable photograph. */
  readonly minSide: number;
  readonly onProgress: (done: number, total: number) => void;
  readonly warn: (message: string) => void;
}

/** @throws DS_BAD_DATA without at least two usable photographs: one to learn from, one to be evaluated on. */
export function prepareData({ work, folders, minSide, onProgress, warn }: PrepareDataOptions): Promise<PreparedData> {
  return decideOnce(join(work, 'data.json'), warn, async () => {
    const files = await listPhotographs({ folders });
    const seen = new Set<string>();
    const photographs: Photograph[] = [];
    for (const [i, file] of files.entries()) {
      const photograph = await inspect(file, minSide, seen);
      if (photograph) photographs.push(photograph);
      onProgress(i + 1, files.length);
    }
    if (photographs.length < 2) {
      const got = `${photographs.length} of ${files.length} files`;
      const message = `expected at least 2 different photographs of at least ${minSide} pixels a side, got ${got}`;
      throw new DualscaleError('DS_BAD_DATA', message);
    }
    return splitByHash(photographs);
  });
}
