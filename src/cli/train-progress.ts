/** The progress of a training run. */
import type { TrainPreset } from '../trainer/presets/presets.ts';
import type { DatasetSummary } from '../trainer/train/data/dataset.ts';
import type { RunEvent } from '../trainer/train/train-model.ts';
import { formatDuration, Progress } from './progress.ts';

type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;
type StageEvent = EventOf<'stage'>;

/** Weight of a step in the running means: about the last hundred steps count. */
const SHARE = 0.02;
/** Unusable photographs beyond these are only counted. */
const MAX_NAMED = 10;

function describeSkipped(skipped: DatasetSummary['skipped']): string[] {
  const lines = skipped.slice(0, MAX_NAMED).map(({ file, reason }) => `skipped: ${file} (${reason})`);
  if (skipped.length > MAX_NAMED) lines.push(`skipped: ${skipped.length - MAX_NAMED} more`);
  return lines;
}

function describeData({ trainImages, copies, validationImages, skipped, unpaired }: DatasetSummary): string[] {
  const more = copies ? ` and ${copies} smaller copies of them` : '';
  const none = validationImages === 0 ? ' (too few photographs: no PSNR is measured)' : '';
  const lines = describeSkipped(skipped);
  lines.push(`${trainImages} photographs to train on${more}, ${validationImages} held out${none}`);
  if (!unpaired) return lines;
  return [...lines, ...describeSkipped(unpaired.skipped), `${unpaired.images} pictures without ground truth`];
}

function describeStage({ batchSize, lrPatchSize, learns = 'all' }: StageEvent): string {
  const batches = `from here: batches of ${batchSize} patches of ${lrPatchSize} pixels`;
  return learns === 'all' ? batches : `${batches}, only the ${learns} learns (loss: error of its codes)`;
}

/** @param now milliseconds of a clock. */
export function createTrainProgress({ id, recipe }: TrainPreset, now: () => number) {
  const totalSteps = recipe.schedule.steps;
  const progress = new Progress(now);
  let { batchSize } = recipe;
  let learns: StageEvent['learns'];
  let psnr = '-';
  let steps = 0;
  let loss = 0;
  let secondsPerStep = 0;
  let since = now();
  const mean = (old: number, value: number) => old + Math.max(SHARE, 1 / steps) * (value - old);

  function start({ dataset, step, parameterCount }: EventOf<'start'>): void {
    progress.stop();
    for (const line of describeData(dataset)) console.error(line);
    const resumed = step > 0 ? `, resumed after step ${step}` : '';
    console.error(`${id}: ${parameterCount} parameters to train, the dual networks included${resumed}`);
  }

  function stage(event: StageEvent): void {
    if (recipe.stages) progress.say(describeStage(event));
    ({ batchSize, learns } = event);
    // Steps of another stage say nothing about how long these take.
    steps = 0;
  }

  function step(event: EventOf<'step'>): void {
    steps += 1;
    secondsPerStep = mean(secondsPerStep, (now() - since) / 1000);
    // While only the estimator learns, nothing is enlarged.
    loss = mean(loss, learns === 'estimator' ? (event.codeLoss ?? 0) : event.primalLoss);
    const left = formatDuration((totalSteps - event.step) * secondsPerStep);
    const speed = `${(batchSize / secondsPerStep).toFixed(1)} patches/s`;
    const note = `| ETA ${left} | ${speed} | loss ${loss.toFixed(5)} | PSNR ${psnr} dB`;
    progress.update('step', event.step, totalSteps, note);
  }

  function validation({ step: at, psnrDb }: EventOf<'validation'>): void {
    psnr = Number.isNaN(psnrDb) ? '-' : psnrDb.toFixed(2);
    if (!process.stderr.isTTY && psnr !== '-') progress.say(`step ${at}: PSNR ${psnr} dB`);
  }

  return {
    report(event: RunEvent): void {
      if (event.type === 'data') progress.update('photographs', event.done, event.total);
      else if (event.type === 'targets') progress.update('ground truth', event.done, event.total);
      else if (event.type === 'start') start(event);
      else if (event.type === 'stage') stage(event);
      else if (event.type === 'step') step(event);
      else validation(event);
      since = now();
    },
    note: (message: string) => progress.say(message),
    warn: (message: string) => progress.say(`warning: ${message}`),
    stop: () => progress.stop(),
  };
}
