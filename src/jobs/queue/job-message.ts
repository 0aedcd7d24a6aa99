/** What server and job process say to each other. */
import type { JobEventBody, ProgressData } from '../events/job-event.ts';

export type ChildMessage =
  /** A stage begins; told again by a process that goes on within it. */
  | { readonly type: 'stage'; readonly stage: string; readonly steps: number }
  | {
      readonly type: 'step';
      readonly step: number;
      readonly steps: number;
      readonly numbers: Pick<ProgressData, 'loss' | 'dualLoss' | 'learningRate' | 'patchesPerSecond'>;
    }
  | { readonly type: 'event'; readonly body: Extract<JobEventBody, { type: 'validation' | 'latency' | 'note' }> }
  /** It will never succeed; anything else that ends the process is tried again. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** The disk does not take what it writes: it is tried again however often, when there may be room. */
  | { readonly type: 'blocked'; readonly message: string }
  /** The outcome lies on disk. */
  | { readonly type: 'done' };

export type ParentMessage =
  | { readonly type: 'go' }
  /** Save a checkpoint and end. */
  | { readonly type: 'stop' };
