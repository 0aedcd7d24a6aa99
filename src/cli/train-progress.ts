/** What a person sees of a training run. */

import type { TrainPreset } from '../trainer/presets/presets.ts';
import type { DatasetSummary } from '../trainer/train/data/training-data.ts';
import type { RunEvent } from '../trainer/train/train-model.ts';
import { createProgress, type Progress } from './progress.ts';

export interface TrainProgress {
  report(event: RunEvent): void;
  note(message: string): void;
  warn(message: string): void;
  stop(): void;
}

/** How much of the running means a step replaces, once as many steps are done: about the last hundred count. */
const SHARE = 0.02;
/** So many unusable photographs are named, the others counted. */
const MAX_NAMED = 10;

export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-';
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${Math.floor(seconds) % 60} s` : `${Math.floor(seconds)} s`;
}

function describeSkipped(skipped: DatasetSummary['skipped']): string[] {
  const named = skipped.slice(0, MAX_NAMED).map(({ file, reason }) => `skipped: ${file} (${reason})`);
  const rest = skipped.length > MAX_NAMED ? [`skipped: ${skipped.length - MAX_NAMED} more`] : [];
  return [...named, ...rest];
}

function describeData({ trainImages, copies, validationImages, skipped, unpaired }: DatasetSummary): string[] {
  const more = copies ? ` and ${copies} smaller copies of them` : '';
  const none = validationImages === 0 ? ' (none fell to it: there will be no PSNR)' : '';
  const pairs = [
    ...describeSkipped(skipped),
    `${trainImages} photographs to train on${more}, ${validationImages} held out${none}`,
  ];
  if (!unpaired) return pairs;
  return [...pairs, ...describeSkipped(unpaired.skipped), `${unpaired.images} pictures without ground truth`];
}

function describeStage({ batchSize, lrPatchSize, learns = 'all' }: Extract<RunEvent, { type: 'stage' }>): string {
  const batches = `from here: batches of ${batchSize} patches of ${lrPatchSize} pixels`;
  return learns === 'all' ? batches : `${batches}, only the ${learns} learns (loss: error of its codes)`;
}

/** @param now milliseconds of a clock. */
export function createTrainProgress({ id, recipe }: TrainPreset, now: () => number): TrainProgress {
  const { schedule } = recipe;
  let { batchSize } = recipe;
  let learns: Extract<RunEvent, { type: 'stage' }>['learns'];
  let progress: Progress | undefined;
  let psnr = '-';
  let [steps, loss, secondsPerStep, since] = [0, 0, 0, now()];
  const mean = (old: number, value: number) => old + Math.max(SHARE, 1 / steps) * (value - old);
  const start = (event: Extract<RunEvent, { type: 'start' }>) => {
    progress?.stop();
    for (const line of describeData(event.dataset)) console.error(line);
    const resumed = event.step > 0 ? `, resumed after step ${event.step}` : '';
    console.error(`${id}: ${event.parameterCount} parameters to train, the dual networks included${resumed}`);
    progress = createProgress('step', schedule.steps, event.step, now);
    since = now();
  };
  const stage = (event: Extract<RunEvent, { type: 'stage' }>) => {
    if (recipe.stages) progress?.say(describeStage(event));
    // Steps of another stage say nothing about how long these take.
    [batchSize, learns, steps] = [event.batchSize, event.learns, 0];
    since = now();
  };
  const step = (event: Extract<RunEvent, { type: 'step' }>) => {
    steps += 1;
    secondsPerStep = mean(secondsPerStep, (now() - since) / 1000);
    // Where only the estimator learns nothing is enlarged.
    loss = mean(loss, learns === 'estimator' ? (event.codeLoss ?? 0) : event.primalLoss);
    since = now();
    const left = formatDuration((schedule.steps - event.step) * secondsPerStep);
    const speed = `${(batchSize / secondsPerStep).toFixed(1)} patches/s`;
    progress?.update(event.step, `| ETA ${left} | ${speed} | loss ${loss.toFixed(5)} | PSNR ${psnr} dB`);
  };
  const validation = (event: Extract<RunEvent, { type: 'validation' }>) => {
    psnr = Number.isNaN(event.psnrDb) ? '-' : event.psnrDb.toFixed(2);
    if (!process.stderr.isTTY && psnr !== '-') progress?.say(`step ${event.step}: PSNR ${psnr} dB`);
    since = now();
  };
  const note = (message: string) => {
    if (progress) progress.say(message);
    else console.error(message);
  };
  /** What comes before the first step. */
  let before: Extract<RunEvent, { type: 'data' | 'targets' }>['type'] | undefined;
  const prepare = ({ type, done, total }: Extract<RunEvent, { type: 'data' | 'targets' }>) => {
    if (before !== type) {
      progress?.stop();
      progress = createProgress(type === 'data' ? 'photographs' : 'ground truth', total, 0, now);
      before = type;
    }
    progress?.update(done);
  };
  return {
    note,
    report(event) {
      if (event.type === 'data' || event.type === 'targets') prepare(event);
      else if (event.type === 'start') start(event);
      else if (event.type === 'stage') stage(event);
      else if (event.type === 'step') step(event);
      else validation(event);
    },
    warn: (message) => note(`warning: ${message}`),
    stop() {
      progress?.stop();
      progress = undefined;
    },
  };
}
