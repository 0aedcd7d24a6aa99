/** From the steps of a stage to the progress of the whole job: share, time left, and not more events than somebody can watch. */

import type { ProgressData } from '../events/job-event.ts';
import type { JobView } from '../queue/job.ts';
import type { ChildMessage } from '../queue/job-message.ts';

type StepMessage = Extract<ChildMessage, { type: 'step' }>;

export interface ProgressMeter {
  /** A stage begins, also when it does so again. */
  enter(stage: string): void;
  /** The event to tell, or undefined when the last one is too young. */
  step(message: StepMessage): ProgressData | undefined;
}

const MIN_INTERVAL_MS = 500;
const MAX_INTERVAL_MS = 10_000;
/** A job of an hour tells every 6 seconds: its journal stays below a few megabytes however long it runs. */
const INTERVALS_PER_JOB = 600;
const NEWEST = 0.1;

export interface ProgressMeterOptions {
  /** Share of the time that each stage takes, in order. */
  readonly stages: Readonly<Record<string, number>>;
  readonly view: () => JobView;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createProgressMeter({ stages, view, now }: ProgressMeterOptions): ProgressMeter {
  const names = Object.keys(stages);
  const weight = (from: number, until?: number) =>
    Object.values(stages)
      .slice(from, until)
      .reduce((sum, share) => sum + share, 0);
  let stage = names[0] as string;
  let [lastStep, lastAt] = [0, now()];
  let secondsPerStep: number | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;

  const learnPace = (step: number): void => {
    const steps = step - lastStep;
    if (steps <= 0) return;
    const seconds = (now() - lastAt) / 1000 / steps;
    // The first step after a start also loads and compiles.
    if (lastStep > 0) {
      secondsPerStep = secondsPerStep === undefined ? seconds : secondsPerStep + NEWEST * (seconds - secondsPerStep);
    }
    [lastStep, lastAt] = [step, now()];
  };

  const timeLeft = (step: number, steps: number, index: number): number | null => {
    if (secondsPerStep === undefined || steps === 0) return null;
    const later = (secondsPerStep * steps * weight(index + 1)) / (stages[stage] as number);
    return Math.round(secondsPerStep * (steps - step) + later);
  };

  const interval = (): number => {
    const elapsed = now() - Date.parse(view().startedAt ?? view().createdAt);
    return Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, elapsed / INTERVALS_PER_JOB));
  };

  return {
    enter(name) {
      [stage, lastStep, lastAt, secondsPerStep] = [name, 0, now(), undefined];
    },
    step({ step, steps, numbers }) {
      learnPace(step);
      if (now() - toldAt < interval() && step < steps) return undefined;
      toldAt = now();
      const index = names.indexOf(stage);
      const done = weight(0, index) + (steps === 0 ? 0 : step / steps) * (stages[stage] as number);
      // A job that goes on from its last checkpoint repeats a few steps: its bar does not run backwards.
      const ratio = Math.max(view().progress.ratio, Math.min(1, done));
      return { stage, step, steps, ratio, etaSeconds: timeLeft(step, steps, index), ...numbers };
    },
  };
}
