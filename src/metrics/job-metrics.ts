/** Metrics of jobs: what the dashboard's curves are, for Prometheus. */
import type { Instruments } from './register.ts';

/** An event of a job or of the models, as far as it is counted. */
interface CountedEvent {
  readonly type: string;
  readonly data: object;
}

export interface JobMetrics {
  states(counts: Readonly<Record<string, number>>): void;
  ended(type: string, state: string, seconds: number): void;
  event(event: CountedEvent): void;
  clients(count: number): void;
}

type Fields = Readonly<Record<string, never>>;

/** What each event changes; the others change nothing. */
function createCounters(of: Instruments): Readonly<Record<string, (data: Fields) => void>> {
  return {
    stage({ stage }) {
      of.dualscale_job_stage.reset();
      of.dualscale_job_stage.set({ stage }, 1);
    },
    progress({ ratio, loss }) {
      of.dualscale_job_progress_ratio.set(ratio);
      if (loss !== undefined) of.dualscale_job_loss.set(loss);
    },
    validation: ({ psnrDb }) => of.dualscale_job_psnr_db.set(psnrDb),
    latency: ({ kind, ms }) => of.dualscale_job_latency_seconds.set({ kind }, ms / 1000),
    succeeded: () => of.dualscale_job_progress_ratio.set(1),
    published: () => of.dualscale_job_publications_total.inc(),
    activated({ reason }) {
      if (String(reason).endsWith('rollback')) of.dualscale_model_rollbacks_total.inc({ reason });
    },
  };
}

export function createJobMetrics(of: Instruments): JobMetrics {
  const counters = createCounters(of);
  return {
    states(counts) {
      for (const [state, count] of Object.entries(counts)) of.dualscale_jobs.set({ state }, count);
    },
    ended(type, state, seconds) {
      of.dualscale_jobs_ended_total.inc({ type, state });
      of.dualscale_job_duration_seconds.observe({ type, state }, seconds);
    },
    event: ({ type, data }) => counters[type]?.(data as Fields),
    clients: (count) => of.dualscale_job_clients.set(count),
  };
}
