/** What a job is: what was asked for, where it stands, what came out. */
import type { Check, Verdict } from '../rollout/evaluation.ts';

export const JOB_TYPES = ['compress', 'finetune', 'train'] as const;
export type JobType = (typeof JOB_TYPES)[number];

export const JOB_STATES = ['queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled'] as const;
/** `succeeded` also when the model was refused by the gate: that is a result. */
export type JobState = (typeof JOB_STATES)[number];

export type Target =
  | {
      /** For one picture of `width` x `height` pixels, at `percentile` of the runs. */
      readonly latencyMs: number;
      readonly width: number;
      readonly height: number;
      readonly percentile: number;
      readonly engine: 'onnx';
    }
  /** Latency as a share of the model's own, both measured here. */
  | { readonly ratio: number }
  /** Multiply-accumulates for a 1280 x 720 result. */
  | { readonly macs: number };

export const BUDGET_NAMES = ['quick', 'standard', 'thorough'] as const;
export type Budget = (typeof BUDGET_NAMES)[number] | { readonly minutes: number } | { readonly steps: number };

/** At least one of them. */
export interface DataSources {
  /** Each the name of an allowed root, optionally with a path below it. */
  readonly folders?: readonly string[];
  readonly uploads?: readonly string[];
  readonly traffic?: boolean;
}

/** `POST /jobs`, checked, with its defaults. */
export interface JobRequest {
  readonly type: JobType;
  /** A model; for `train` a preset. */
  readonly model: string;
  readonly target?: Target;
  readonly data: DataSources;
  readonly budget: Budget;
  readonly maxPsnrDropDb: number;
  readonly publish: 'auto' | 'manual';
  /** Id of the model that comes out. */
  readonly name?: string;
}

export interface JobResult {
  /** Null when it was refused. */
  readonly modelId: string | null;
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
  readonly published: boolean;
  readonly activated: boolean;
}

export interface StageProgress {
  readonly name: string;
  readonly state: 'waiting' | 'running' | 'done';
  readonly seconds: number | null;
}

export interface JobProgress {
  readonly stage: string | null;
  readonly stages: readonly StageProgress[];
  readonly step: number;
  readonly steps: number;
  readonly ratio: number;
  readonly etaSeconds: number | null;
}

/** The latest of each; null until there is one. */
export interface JobMetrics {
  readonly loss: number | null;
  readonly dualLoss: number | null;
  readonly learningRate: number | null;
  readonly patchesPerSecond: number | null;
  readonly psnrDb: number | null;
  readonly predictedLatencyMs: number | null;
  readonly measuredLatencyMs: number | null;
  readonly targetLatencyMs: number | null;
}

/** Everything of a job that follows from its request and its events. */
export interface JobView {
  readonly id: string;
  readonly type: JobType;
  readonly state: JobState;
  readonly request: JobRequest;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly attempts: number;
  readonly progress: JobProgress;
  readonly metrics: JobMetrics;
  readonly result: JobResult | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly lastSeq: number;
}

export const isFinished = ({ state }: Pick<JobView, 'state'>): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled';
