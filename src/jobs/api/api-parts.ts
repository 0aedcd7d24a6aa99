/** What the routes of the API work on. */

import type { TrafficSampler } from '../data/traffic.ts';
import type { Uploads } from '../data/uploads.ts';
import type { EventLog } from '../events/event-log.ts';
import type { ResolvedJobsOptions } from '../jobs-options.ts';
import type { JobStore } from '../queue/job-store.ts';
import type { Runner } from '../queue/runner.ts';
import type { Activator } from '../rollout/activator.ts';
import type { Serving } from '../rollout/serving.ts';
import type { ServingStats } from '../rollout/serving-stats.ts';
import type { SwitchWatch } from '../rollout/switch-watch.ts';
import type { Access } from './access.ts';

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
  /** Open event sockets. */
  readonly clients: () => number;
  readonly machine: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
