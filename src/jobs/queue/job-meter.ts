/** What jobs report about themselves; `src/server/metrics` implements it. */

import type { JobEvent } from '../events/job-event.ts';
import type { JobState, JobType } from './job.ts';

export interface JobMeter {
  /** Number of jobs in each state. */
  states(counts: Readonly<Record<JobState, number>>): void;
  /** A job has ended. */
  ended(type: JobType, state: JobState, seconds: number): void;
  event(event: JobEvent): void;
  clients(count: number): void;
}
