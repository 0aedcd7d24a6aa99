/** What happens to jobs and to models in service, as one closed union: the journal, the socket and the API carry it. */

import type { JobResult, JobType } from '../queue/job.ts';
import type { Activation } from '../rollout/activation.ts';
import type { Check } from '../rollout/evaluation.ts';

/** Payload of each event, by its type. */
export interface JobEventData {
  queued: { readonly type: JobType; readonly model: string };
  started: { readonly attempt: number; readonly stages: readonly string[] };
  /** After a kill or a restart. `step` is what the last checkpoint holds. */
  resumed: { readonly attempt: number; readonly stage: string | null; readonly step: number };
  /** `child-died`: what worked on it ended before it was done, also because the disk was full. */
  interrupted: { readonly reason: 'child-died' | 'server-stopped'; readonly detail: string };
  paused: { readonly reason: 'load' };
  continued: Readonly<Record<never, never>>;
  /** `index` of `count` begins; `steps` is 0 while nobody knows. */
  stage: { readonly stage: string; readonly index: number; readonly count: number; readonly steps: number };
  progress: ProgressData;
  validation: { readonly step: number; readonly psnrDb: number };
  latency: {
    /** `target`: what is asked for in milliseconds; `predicted`: by the table; `measured`: by running it. */
    readonly kind: 'target' | 'predicted' | 'measured';
    readonly model: string;
    readonly ms: number;
    readonly width: number;
    readonly height: number;
  };
  note: { readonly level: 'info' | 'warning'; readonly message: string };
  verdict: { readonly verdict: 'passed' | 'refused'; readonly checks: readonly Check[] };
  published: { readonly modelId: string };
  succeeded: { readonly result: JobResult };
  failed: { readonly code: string; readonly message: string };
  cancelled: Readonly<Record<never, never>>;
  /** Of the stream `models`: another model serves a scale. */
  activated: Omit<Activation, 'time'>;
}

export interface ProgressData {
  readonly stage: string;
  readonly step: number;
  readonly steps: number;
  /** Of the whole job, 0 to 1; never falls. */
  readonly ratio: number;
  readonly etaSeconds: number | null;
  readonly loss?: number;
  readonly dualLoss?: number;
  readonly learningRate?: number;
  readonly patchesPerSecond?: number;
}

export type JobEventType = keyof JobEventData;

/** An event without its place in a stream. */
export type JobEventBody = {
  [Type in JobEventType]: { readonly type: Type; readonly data: JobEventData[Type] };
}[JobEventType];

export type JobEvent = JobEventBody & {
  readonly v: 1;
  /** Over all streams of one server: rises by one. */
  readonly id: number;
  /** Within its stream: from 1, rises by one. */
  readonly seq: number;
  readonly time: string;
  /** The stream: id of a job, or `models`. */
  readonly job: string;
};

/** The stream of what serves. */
export const MODELS_STREAM = 'models';
