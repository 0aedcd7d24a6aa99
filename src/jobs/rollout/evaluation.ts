/** What is measured of a model before it may serve, and what follows from it. */

/** Milliseconds for one picture of `width` x `height` pixels. */
export interface MeasuredLatency {
  readonly medianMs: number;
  /** At `percentile` of the runs. */
  readonly percentileMs: number;
  readonly percentile: number;
  readonly width: number;
  readonly height: number;
  readonly runs: number;
  readonly threads: number;
}

export interface Evaluation {
  readonly modelId: string;
  readonly parameters: number;
  /** Multiply-accumulates for a 1280 x 720 result. */
  readonly macs: number;
  /** Mean over the held-out pictures (Y, border = scale); null without pictures. */
  readonly psnrDb: number | null;
  /** PSNR between the input and the result made small again by bicubic reduction, mean over the same pictures. */
  readonly consistencyDb: number | null;
  /** Held-out pictures it was measured on. */
  readonly pictures: number;
  readonly latency: MeasuredLatency;
}

export interface Evaluations {
  readonly candidate: Evaluation;
  readonly active: Evaluation | null;
  /** Of the model that was worked on. */
  readonly base: Evaluation | null;
}

export interface Check {
  readonly name: 'psnr' | 'consistency' | 'latency' | 'macs';
  readonly passed: boolean;
  readonly value: number | null;
  readonly limit: number | null;
  readonly unit: string;
  readonly detail: string;
}

export type Verdict = 'passed' | 'refused';

export interface JobReport {
  readonly job: string;
  /** Null when it was refused: it is not among the models then. */
  readonly model: string | null;
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
  readonly candidate: Evaluation;
  /** The model that served the scale at that time; null when none did. */
  readonly active: Evaluation | null;
  /** What the recipe itself reports. */
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly machine: string;
  readonly finishedAt: string;
}
