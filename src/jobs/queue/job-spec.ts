/** What the server and a job's processes hand each other: specs and results as files, everything else as messages. */
import type { Provider } from '../../core/engine/runtime.ts';
import type { DataFolders } from '../data/open-data.ts';
import type { JobEventBody, ProgressData } from '../events/job-event.ts';
import type { JobRequest } from './job.ts';

export interface JobSpec {
  readonly job: string;
  readonly request: JobRequest;
  /** Id of the model that comes out. */
  readonly name: string;
  /** Folder of the model that is worked on; absent for `train`. */
  readonly modelDirectory?: string;
  readonly data: DataFolders;
  /** Threads for training. */
  readonly threads: number;
  /** Threads of one picture when its latency is measured. */
  readonly latencyThreads: number;
  readonly provider: Provider;
  /** Added to the priority of the process, 0 to 19. */
  readonly nice: number;
  /** MiB of memory, after which the process ends itself. */
  readonly memoryMegabytes: number;
}

/** What the job process leaves when it is done. */
export interface JobOutput {
  /** Folder of the model that came out. */
  readonly modelDirectory: string;
  /** Held-out photographs. */
  readonly validation: readonly string[];
  /** The recipe's own report. */
  readonly recipe: Readonly<Record<string, unknown>>;
}

export interface LatencyConditions {
  readonly latency: { readonly width: number; readonly height: number; readonly percentile: number };
  readonly threads: number;
  readonly provider: Provider;
}

export interface EvaluationSpec extends LatencyConditions {
  readonly candidate: string;
  /** Folder of the model that serves the scale. */
  readonly active?: string;
  /** Folder of the model that was worked on, where it is not the active one. */
  readonly base?: string;
  /** Held-out photographs. */
  readonly validation: readonly string[];
}

/** Where a target says nothing of the picture. */
export const PLAIN_LATENCY = { width: 256, height: 256, percentile: 50 } as const;

export interface StepMessage {
  readonly type: 'step';
  readonly step: number;
  readonly steps: number;
  readonly numbers: Pick<ProgressData, 'loss' | 'dualLoss' | 'learningRate' | 'patchesPerSecond'>;
}

export type ChildEventBody = Extract<JobEventBody, { type: 'validation' | 'latency' | 'note' }>;

export type ChildMessage =
  /** A stage begins; sent again by a process that resumes within it. */
  | { readonly type: 'stage'; readonly stage: string; readonly steps: number }
  | StepMessage
  | { readonly type: 'event'; readonly body: ChildEventBody }
  /** It will never succeed; after any other end it is tried again. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** The disk does not take what it writes: it is tried again until there is room. */
  | { readonly type: 'blocked'; readonly message: string }
  /** The result is on disk. */
  | { readonly type: 'done' };

export type ParentMessage =
  | { readonly type: 'go' }
  /** Save a checkpoint and end. */
  | { readonly type: 'stop' };
