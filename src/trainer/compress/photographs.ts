/** The photographs of a run. Folders may change before it is resumed: it continues with what is there, and warns. */
import { join } from 'node:path';
import { readIfThere, replaceFile } from '../../core/atomic-file.ts';
import { badOption } from '../../core/errors.ts';
import type { StoredModel } from '../../core/models/load.ts';
import { type Dataset, loadTrainingData, summarise } from '../train/data/dataset.ts';
import { outputLevels } from '../train/step/losses.ts';
import type { ResolvedSettings } from './compress-settings.ts';
import type { CompressHooks, Progress } from './progress.ts';
import type { TrainingBudget } from './training-budget.ts';

/** In the run's folder: all photographs that the run has learnt from, one entry for each time they changed. */
const RECORD = 'photographs.json';

interface SeenPhotographs {
  readonly digest: string;
  readonly train: number;
  readonly validation: number;
  /** When they were read first. */
  readonly date: string;
}

interface PhotographContext {
  readonly settings: Pick<ResolvedSettings, 'out' | 'data' | 'validationShare'>;
  readonly base: StoredModel;
  readonly effort: Pick<TrainingBudget, 'lrPatchSize'>;
  readonly hooks: CompressHooks;
  readonly progress: Pick<Progress, 'data'>;
}

const countOf = ({ train, validation }: Pick<SeenPhotographs, 'train' | 'validation'>): number => train + validation;

async function readSeen(out: string): Promise<readonly SeenPhotographs[]> {
  const bytes = await readIfThere(join(out, RECORD));
  return bytes ? (JSON.parse(bytes.toString()) as readonly SeenPhotographs[]) : [];
}

/** In words, which others the stages before have learnt from; empty where there were none. */
export async function describeEarlier(out: string): Promise<string> {
  const earlier = (await readSeen(out)).slice(0, -1);
  return earlier.map((seen) => `; before a resumption ${countOf(seen)} photographs, sha256 ${seen.digest}`).join('');
}

/** What earlier stages found stays as it is. */
async function recordPhotographs({ settings, hooks }: PhotographContext, dataset: Dataset): Promise<void> {
  const { digest, trainImages: train, validationImages: validation } = summarise(dataset);
  const seen = await readSeen(settings.out);
  const last = seen.at(-1);
  if (last?.digest === digest) return;
  const now: SeenPhotographs = { digest, train, validation, date: new Date(hooks.now()).toISOString() };
  if (last) hooks.warn?.(`resumed with other photographs than before: ${countOf(now)} now, ${countOf(last)} then`);
  await replaceFile(join(settings.out, RECORD), `${JSON.stringify([...seen, now], null, 1)}\n`);
}

/** @throws DS_BAD_OPTION when none is held out, and as `loadDataset` does. */
export async function readPhotographs(context: PhotographContext): Promise<Dataset> {
  const { settings, base, effort, hooks, progress } = context;
  const { data, validationShare } = settings;
  const levels = [...new Set([1, ...outputLevels(base.manifest.spec)])];
  const dataset = await loadTrainingData(
    {
      minLrSide: effort.lrPatchSize,
      data,
      validationShare,
      decode: hooks.decode,
      report: ({ done, total }) => progress.data(done, total),
      signal: hooks.signal,
    },
    levels,
  );
  if (dataset.validation.length === 0) {
    const expected =
      'folders with more photographs: none falls to the share held out, without which quality cannot be judged';
    throw badOption('--data', expected, `${dataset.train.length} usable photographs`);
  }
  await recordPhotographs(context, dataset);
  return dataset;
}
