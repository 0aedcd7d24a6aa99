/** What a compression reports, and what it takes from its host. */

import type { PixelImage } from '../../core/pixels/image.ts';

/** In this order; a stage that has nothing to do is passed over. */
export const STAGES = ['plan', 'duals', 'search', 'fit', 'prune', 'fine-tune', 'measure', 'publish'] as const;
export type Stage = (typeof STAGES)[number];

export type CompressEvent =
  /** A stage begins; `resumed` when an earlier run has done it. */
  | {
      readonly type: 'stage';
      readonly stage: Stage;
      readonly index: number;
      readonly count: number;
      readonly resumed: boolean;
    }
  | { readonly type: 'data'; readonly done: number; readonly total: number }
  | {
      readonly type: 'step';
      readonly stage: Stage;
      readonly step: number;
      readonly steps: number;
      /** Of the stage: L_DR while searching, L_D for the duals, L_P otherwise. */
      readonly loss?: number;
      /** On held-out photographs, when it was last measured in this stage. */
      readonly psnrDb?: number;
      /** By the latency table. */
      readonly predictedMs?: number;
      readonly measuredMs?: number;
      /** Of all stages that train; absent until the first step has been timed. */
      readonly etaSeconds?: number;
    }
  | { readonly type: 'done'; readonly accepted: boolean; readonly reasons: readonly string[] };

/** What the host of a compression gives it. */
export interface CompressHooks {
  readonly decode: (bytes: Buffer) => Promise<PixelImage>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds from any moment on, as exact as there are: what latency is measured with. */
  readonly clock: () => number;
  /** Milliseconds of processor time this process has taken (`processorTime`). Absent: what else the machine does counts as latency too. */
  readonly processorTime?: () => number;
  /** Called with what changed since the run that is resumed. */
  readonly warn?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** The cost of a step relative to one of fine-tuning, and the number of steps. */
export type Work = Readonly<Partial<Record<Stage, { readonly steps: number; readonly cost: number }>>>;

type StepNumbers = Omit<Extract<CompressEvent, { type: 'step' }>, 'type' | 'stage' | 'etaSeconds'>;

export interface Progress {
  data(done: number, total: number): void;
  stage(stage: Stage, resumed: boolean): void;
  step(numbers: StepNumbers): void;
}

/** @param now milliseconds of any clock. */
export function createProgress(work: Work, report: (event: CompressEvent) => void, now: () => number): Progress {
  let stage: Stage = STAGES[0];
  /** Work of this process so far, and its time. */
  let [units, seconds] = [0, 0];
  let [last, since] = [0, now()];
  let known: { -readonly [Name in keyof StepNumbers]?: StepNumbers[Name] } = {};
  const eta = (step: number, steps: number): number | undefined => {
    if (units === 0) return undefined;
    const later = STAGES.slice(STAGES.indexOf(stage) + 1).map((name) => work[name]);
    const ahead = later.reduce((sum, part) => sum + (part ? part.steps * part.cost : 0), 0);
    return ((steps - step) * (work[stage]?.cost ?? 0) + ahead) * (seconds / units);
  };
  return {
    data(done, total) {
      report({ type: 'data', done, total });
      since = now();
    },
    stage(name, resumed) {
      stage = name;
      [last, since, known] = [-1, now(), {}];
      report({ type: 'stage', stage, index: STAGES.indexOf(name), count: STAGES.length, resumed });
    },
    step({ step, steps, loss, ...rest }) {
      // The first step of a process pays for compiling.
      const { cost } = work[stage] ?? { cost: 0 };
      if (last >= 0 && cost > 0) {
        units += (step - last) * cost;
        seconds += (now() - since) / 1000;
      }
      [last, since] = [step, now()];
      for (const name of ['psnrDb', 'predictedMs', 'measuredMs'] as const) known[name] = rest[name] ?? known[name];
      const etaSeconds = eta(step, steps);
      report({ type: 'step', stage, step, steps, loss, ...known, etaSeconds });
    },
  };
}
