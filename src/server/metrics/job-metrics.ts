/** Metrics of jobs: what the dashboard's curves are, for Prometheus. */
import type { Gauge } from 'prom-client';
import type { Instruments } from './register.ts';

/** An event of a job or of the models, as far as it is counted. */
interface CountedEvent {
  readonly type: string;
  /** The job's id, or the name of the models' stream. */
  readonly job: string;
  readonly data: object;
}

export interface JobMetrics {
  states(counts: Readonly<Record<string, number>>): void;
  ended(type: string, state: string, seconds: number): void;
  event(event: CountedEvent): void;
  clients(count: number): void;
}

/** Gauges to which several plugins add up. */
interface AmountGauges {
  set(gauge: Gauge, value: number, labels?: Readonly<Record<string, string>>): void;
}

type Fields = Readonly<Record<string, never>>;
type Changes = Readonly<Record<string, (data: Fields) => void>>;

/** The job that began last, of all plugins of a registry, by its gauge of the progress. */
const LATEST = new WeakMap<object, string>();

/** Of any job or model. */
function createCounters(of: Instruments): Changes {
  return {
    published: () => of.dualscale_job_publications_total.inc(),
    activated({ reason }) {
      if (String(reason).endsWith('rollback')) of.dualscale_model_rollbacks_total.inc({ reason });
    },
  };
}

/** Of the latest job alone. */
function createCurves(of: Instruments): Changes {
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
  };
}

/**
 * No sample is left: a job has no loss and no PSNR until it reports one, and 0 would be a value.
 */
function forgetCurves(of: Instruments): void {
  for (const gauge of [of.dualscale_job_progress_ratio, of.dualscale_job_loss, of.dualscale_job_psnr_db])
    gauge.remove({});
  for (const gauge of [of.dualscale_job_stage, of.dualscale_job_latency_seconds]) gauge.reset();
}

export function createJobMetrics(of: Instruments, gauges: AmountGauges): JobMetrics {
  const counters = createCounters(of);
  const curves = createCurves(of);
  const registryKey = of.dualscale_job_progress_ratio;
  const begin = (job: string): void => {
    LATEST.set(registryKey, job);
    forgetCurves(of);
  };
  return {
    states(counts) {
      for (const [state, count] of Object.entries(counts)) gauges.set(of.dualscale_jobs, count, { state });
    },
    ended(type, state, seconds) {
      of.dualscale_jobs_ended_total.inc({ type, state });
      of.dualscale_job_duration_seconds.observe({ type, state }, seconds);
    },
    event({ type, job, data }) {
      counters[type]?.(data as Fields);
      const isLatest = LATEST.get(registryKey) === job;
      if (type === 'started' || (type === 'resumed' && !isLatest)) begin(job);
      else if (isLatest) curves[type]?.(data as Fields);
    },
    clients: (count) => gauges.set(of.dualscale_job_clients, count),
  };
}
