/** From the steps of a stage to the progress of the whole job: its share, the time left, and not too many events. */
import type { ProgressData } from '../events/job-event.ts';
import type { JobView } from './job.ts';
import type { StepMessage } from './job-spec.ts';

const MIN_INTERVAL_MS = 500;
const MAX_INTERVAL_MS = 10_000;
/** A job of an hour reports every 6 seconds: its journal stays below a few megabytes however long it runs. */
const INTERVALS_PER_JOB = 600;
/** Weight of the newest measurement in the running mean. */
const NEWEST = 0.1;

export class ProgressMeter {
  readonly #names: readonly string[];
  readonly #shares: readonly number[];
  readonly #view: () => JobView;
  readonly #now: () => number;
  #index = 0;
  #lastStep = 0;
  #lastAt: number;
  #secondsPerStep: number | undefined;
  #reportedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param stages share of the time that each stage takes, in order
   * @param now milliseconds since 1970
   */
  constructor(stages: Readonly<Record<string, number>>, view: () => JobView, now: () => number) {
    this.#names = Object.keys(stages);
    this.#shares = Object.values(stages);
    this.#view = view;
    this.#now = now;
    this.#lastAt = now();
  }

  /** A stage begins, also when it does so again. */
  enter(stage: string): void {
    this.#index = this.#names.indexOf(stage);
    this.#lastStep = 0;
    this.#lastAt = this.#now();
    this.#secondsPerStep = undefined;
  }

  /** The event to emit, or undefined while the last one is too young. */
  step({ step, steps, numbers }: StepMessage): ProgressData | undefined {
    this.#measure(step);
    if (this.#now() - this.#reportedAt < this.#interval() && step < steps) return undefined;
    this.#reportedAt = this.#now();
    const done = this.#share(0, this.#index) + (steps === 0 ? 0 : step / steps) * this.#shares[this.#index];
    // A job that resumes at its last checkpoint repeats a few steps: its bar does not run backwards.
    const ratio = Math.max(this.#view().progress.ratio, Math.min(1, done));
    return { stage: this.#names[this.#index], step, steps, ratio, etaSeconds: this.#timeLeft(step, steps), ...numbers };
  }

  #share(from: number, until?: number): number {
    return this.#shares.slice(from, until).reduce((sum, share) => sum + share, 0);
  }

  #measure(step: number): void {
    const steps = step - this.#lastStep;
    if (steps <= 0) return;
    const seconds = (this.#now() - this.#lastAt) / 1000 / steps;
    // The first step after a start also loads and compiles.
    if (this.#lastStep > 0) {
      const before = this.#secondsPerStep ?? seconds;
      this.#secondsPerStep = before + NEWEST * (seconds - before);
    }
    this.#lastStep = step;
    this.#lastAt = this.#now();
  }

  #timeLeft(step: number, steps: number): number | null {
    if (this.#secondsPerStep === undefined || steps === 0) return null;
    const later = (this.#secondsPerStep * steps * this.#share(this.#index + 1)) / this.#shares[this.#index];
    return Math.round(this.#secondsPerStep * (steps - step) + later);
  }

  #interval(): number {
    const { startedAt, createdAt } = this.#view();
    const elapsed = this.#now() - Date.parse(startedAt ?? createdAt);
    return Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, elapsed / INTERVALS_PER_JOB));
  }
}
