/** What the job API answers, as docs/openapi.json describes it: the page's modules are checked against these. */
export type { InspectionView as Inspection } from '../core/upscale/inspection-view.ts';

import type { JobView } from '../jobs/queue/job.ts';
import type { Activation } from '../jobs/rollout/activation.ts';
import type { Evaluation } from '../jobs/rollout/evaluation.ts';
import type { Watch } from '../jobs/rollout/watch.ts';

export interface Job extends JobView {
  readonly queuePosition: number | null;
  readonly links: Readonly<Record<'self' | 'events' | 'log' | 'report' | 'cancel', string>>;
}

/** Of a manifest, what the page shows; the manifest's own types would bring the networks and Node with them. */
export interface QualityEntry {
  readonly set: string;
  readonly psnrDb: number;
}

export interface LatencyEntry {
  readonly device: string;
  readonly engine: string;
  readonly provider: string;
  readonly threads: number;
  readonly inputWidth: number;
  readonly inputHeight: number;
  readonly medianMs: number;
}

export interface Model {
  readonly id: string;
  readonly version: string;
  readonly scale: number;
  readonly active: boolean;
  readonly parameters: number;
  readonly macs: number;
  readonly quality: readonly QualityEntry[];
  readonly latency: readonly LatencyEntry[];
  readonly job: string | null;
  readonly measured: Evaluation | null;
}

export interface ModelList {
  readonly models: readonly Model[];
  readonly active: Readonly<Record<string, string>>;
  readonly history: readonly Activation[];
  readonly watching: readonly Watch[];
}

/** Of requests with the parameter, their whole time; of a model its enlargements, the work alone. */
export interface ServingNumbers {
  readonly requests: number;
  readonly errors: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

export interface Status {
  readonly version: string;
  readonly time: string;
  readonly jobs: Readonly<Record<string, number>>;
  readonly clients: number;
  readonly freeBytes: number | null;
  readonly serving: ServingNumbers & {
    readonly windowSeconds: number;
    readonly failed: number;
    readonly busy: number;
    readonly rejected: number;
    readonly byModel: readonly (ServingNumbers & { readonly modelId: string })[];
  };
  readonly roots: readonly string[];
  readonly presets: readonly { readonly id: string; readonly description: string; readonly scale: number }[];
  readonly machine: string;
}

export interface Upload {
  readonly id: string;
  readonly pictures: number;
  readonly smallPictures: number;
  readonly bytes: number;
  readonly skipped: number;
  readonly createdAt: string;
}

export interface Traffic {
  readonly enabled: boolean;
  readonly pictures: number;
  readonly smallPictures: number;
}

export interface Sample {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

export interface Problem {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}
