/** What the routes of the API work on. */
import type { Access } from './access.ts';
import type { Activator } from './activator.ts';
import type { EventLog } from './event-log.ts';
import type { JobStore } from './job-store.ts';
import type { ResolvedJobsOptions } from './jobs-options.ts';
import type { Runner } from './runner.ts';
import type { Serving } from './serving.ts';
import type { ServingStats } from './serving-stats.ts';
import type { SwitchWatch } from './switch-watch.ts';
import type { TrafficSampler } from './traffic.ts';
import type { Uploads } from './uploads.ts';

export interface ApiParts {
  readonly options: ResolvedJobsOptions;
  readonly access: Access;
  readonly serving: Serving;
  readonly log: EventLog;
  readonly store: JobStore;
  readonly runner: Runner;
  readonly activator: Activator;
  readonly watch: SwitchWatch;
  readonly stats: ServingStats;
  readonly uploads: Uploads;
  readonly traffic: TrafficSampler | undefined;
  /** Open sockets and event streams. */
  readonly clients: () => number;
  /** An event stream is open; call the result when it is not any more. */
  readonly trackStream: (close: () => void) => () => void;
  readonly machine: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
