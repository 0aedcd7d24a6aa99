/** From a budget in minutes to a number of steps: a few steps are measured on this machine. */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { decodeRgb } from '../../core/codec/decode.ts';
import type { TrainOptions, TrainRecipe } from '../../trainer/train/train-model.ts';
import { trainModel } from '../../trainer/train/train-model.ts';
import { decideOnce } from '../json-file.ts';
import type { Budget } from '../queue/job.ts';

export interface StepPlan {
  readonly steps: number;
  /** Steps between checkpoints: what a kill costs at most. */
  readonly checkpointEvery: number;
  readonly validateEvery: number;
}

/** Minutes of training. */
const MINUTES = { quick: 5, standard: 60, thorough: 480 } as const;
const CHECKPOINT_SECONDS = 20;
const MEASURED_STEPS = 8;
/** The first steps also warm up memory and threads. */
const WARM_UP_STEPS = 3;
const CALIBRATION_PHOTOS = 4;
const MIN_STEPS = 20;
const VALIDATIONS = 20;

export type Trainer = Pick<TrainOptions, 'engine' | 'provider' | 'workers'>;

const clamp = (value: number, low: number, high: number) => Math.round(Math.min(high, Math.max(low, value)));

function planFor(steps: number, secondsPerStep: number | undefined): StepPlan {
  const checkpointEvery = secondsPerStep === undefined ? steps / 50 : CHECKPOINT_SECONDS / secondsPerStep;
  return { steps, checkpointEvery: clamp(checkpointEvery, 1, 500), validateEvery: clamp(steps / VALIDATIONS, 1, 1000) };
}

async function secondsPerStep(
  work: string,
  recipe: TrainRecipe,
  photographs: readonly string[],
  trainer: Trainer,
): Promise<number> {
  const folder = join(work, 'calibration');
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'photographs'), { recursive: true });
  for (const [i, file] of photographs.slice(0, CALIBRATION_PHOTOS).entries()) {
    await copyFile(file, join(folder, 'photographs', `${i}${extname(file)}`));
  }
  const times: number[] = [];
  const count = WARM_UP_STEPS + MEASURED_STEPS;
  const never = count + 1;
  await trainModel({
    ...trainer,
    recipe: { ...recipe, schedule: { ...recipe.schedule, steps: count }, checkpointEvery: never, validateEvery: never },
    data: [join(folder, 'photographs')],
    validationShare: 0,
    out: folder,
    resume: false,
    decode: decodeRgb,
    report: (event) => {
      if (event.type === 'step') times.push(performance.now());
    },
  });
  await rm(folder, { recursive: true, force: true });
  return (times[count - 1] - times[WARM_UP_STEPS - 1]) / MEASURED_STEPS / 1000;
}

const minutesOf = (budget: Exclude<Budget, { steps: number }>): number =>
  typeof budget === 'string' ? MINUTES[budget] : budget.minutes;

export interface StepPlanOptions {
  readonly work: string;
  readonly budget: Budget;
  readonly recipe: TrainRecipe;
  readonly photographs: readonly string[];
  readonly trainer: Trainer;
  readonly warn: (message: string) => void;
}

/** Decided once: a resumed job keeps its number of steps. */
export function planSteps({ work, budget, recipe, photographs, trainer, warn }: StepPlanOptions): Promise<StepPlan> {
  return decideOnce(join(work, 'steps.json'), warn, async () => {
    if (typeof budget === 'object' && 'steps' in budget) return planFor(budget.steps, undefined);
    const seconds = await secondsPerStep(work, recipe, photographs, trainer);
    return planFor(Math.max(MIN_STEPS, Math.round((minutesOf(budget) * 60) / seconds)), seconds);
  });
}
