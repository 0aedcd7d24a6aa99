/** What jobs report about themselves; `src/metrics` implements it. */

import type { JobState, JobType } from './job.ts';
import type { JobEvent } from './job-event.ts';

export interface JobMeter {
  /** Number of jobs in each state. */
  states(counts: Readonly<Record<JobState, number>>): void;
  /** A job has ended. */
  ended(type: JobType, state: JobState, seconds: number): void;
  event(event: JobEvent): void;
  clients(count: number): void;
}
