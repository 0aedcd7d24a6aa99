/** The files by which server and job process hand over work: what to do, and what came of it. */
import { join } from 'node:path';
import type { Provider } from '../../core/engine/runtime.ts';
import type { Judgement } from '../rollout/judgement.ts';
import type { JobRequest } from './job.ts';

/** Folders of photographs, absolute. */
export interface DataFolders {
  readonly pairs: readonly string[];
  /** Of pictures too small for pairs. */
  readonly unpaired: readonly string[];
}

export interface WorkOrder {
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
export interface Outcome {
  /** Folder of the model that came out. */
  readonly modelDirectory: string;
  readonly validation: readonly string[];
  /** The recipe's own report. */
  readonly recipe: Readonly<Record<string, unknown>>;
}

export interface JudgeOrder {
  readonly candidate: string;
  /** Folder of the model that serves the scale. */
  readonly active?: string;
  /** Folder of the model that was worked on, where it is not the active one. */
  readonly base?: string;
  /** Held-out photographs. */
  readonly validation: readonly string[];
  readonly latency: { readonly width: number; readonly height: number; readonly percentile: number };
  readonly threads: number;
  readonly provider: Provider;
}

export interface Judgements {
  readonly candidate: Judgement;
  readonly active: Judgement | null;
  /** Of the model that was worked on. */
  readonly base: Judgement | null;
}

/** Where a target says nothing of the picture. */
export const PLAIN_LATENCY = { width: 256, height: 256, percentile: 50 } as const;

export const judgeOrderPath = (work: string): string => join(work, 'judge.json');
export const judgementsPath = (work: string): string => join(work, 'judgements.json');
