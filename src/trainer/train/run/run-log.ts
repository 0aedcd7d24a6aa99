/** What a run has measured, one JSON object per line: readable during the run and after a kill. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFileSync } from '../../../core/atomic-file.ts';
import type { DatasetSummary } from '../data/dataset.ts';
import type { RunEvent } from '../train-model.ts';

/** A start or a resumption. */
export interface StartRecord {
  readonly type: 'start';
  readonly time: string;
  /** Steps done before. */
  readonly step: number;
  readonly dataDigest: string;
  readonly trainImages: number;
  readonly validationImages: number;
  /** Of the pictures without ground truth, where there are any. */
  readonly unpairedDigest?: string;
  readonly unpairedImages?: number;
  /** Everything that decides the numbers: options by name. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
}

/** Means over the last `steps` steps. */
export interface StepsRecord {
  readonly type: 'steps';
  readonly time: string;
  readonly step: number;
  readonly steps: number;
  readonly primalLoss: number;
  /** Unweighted. */
  readonly dualLoss: number;
  /** Unweighted; present with a teacher. */
  readonly distillLoss?: number;
  readonly codeLoss?: number;
  readonly gradientNorm: number;
  /** Of the last step. */
  readonly learningRate: number;
  /** Steps that changed nothing, because their loss was out of the ordinary. */
  readonly skipped: number;
  readonly patchesPerSecond: number;
}

export interface ValidationRecord {
  readonly type: 'validation';
  readonly time: string;
  readonly step: number;
  /** Null without held-out photographs. */
  readonly psnrDb: number | null;
}

export type RunRecord = StartRecord | StepsRecord | ValidationRecord;

/** Records of a log file, up to and including `lastStep`; none without a file. A line that a kill cut short is passed over. */
export function readRunLog(path: string, lastStep = Number.POSITIVE_INFINITY): RunRecord[] {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const records: RunRecord[] = [];
  for (const line of text.split('\n')) {
    try {
      const record = JSON.parse(line) as RunRecord;
      if (record.step <= lastStep) records.push(record);
    } catch {
      // Cut short, or the empty end.
    }
  }
  return records;
}

export interface RunLogOptions {
  readonly path: string;
  readonly settings: StartRecord['settings'];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Steps that one record sums up. @default 10 */
  readonly every?: number;
}

export interface RunLog {
  /** From the beginning of the run, resumptions included; grows with `report`. */
  readonly records: readonly RunRecord[];
  report(event: RunEvent): void;
}

type StepEvent = Extract<RunEvent, { type: 'step' }>;

function summarise(events: readonly StepEvent[], time: string, patchesPerSecond: number): StepsRecord {
  const mean = (pick: (event: StepEvent) => number) =>
    events.reduce((sum, event) => sum + pick(event), 0) / events.length;
  const last = events.at(-1) as StepEvent;
  return {
    type: 'steps',
    time,
    step: last.step,
    steps: events.length,
    primalLoss: mean(({ primalLoss }) => primalLoss),
    dualLoss: mean(({ dualLoss }) => dualLoss),
    distillLoss: last.distillLoss === undefined ? undefined : mean((event) => event.distillLoss as number),
    codeLoss: last.codeLoss === undefined ? undefined : mean((event) => event.codeLoss as number),
    gradientNorm: mean(({ gradientNorm }) => gradientNorm),
    learningRate: last.learningRate,
    skipped: events.filter(({ skipped }) => skipped).length,
    patchesPerSecond,
  };
}

function describeData({ digest, trainImages, validationImages, unpaired }: DatasetSummary) {
  const others = unpaired ? { unpairedDigest: unpaired.digest, unpairedImages: unpaired.images } : {};
  return { dataDigest: digest, trainImages, validationImages, ...others };
}

/**
 * @param resumedStep steps that the checkpoint holds, 0 for a new run. What the log says beyond them is dropped: those
 * steps are done again.
 */
export function openRunLog(options: RunLogOptions, resumedStep: number): RunLog {
  const { path, settings, now, every = 10 } = options;
  const records = resumedStep === 0 ? [] : readRunLog(path, resumedStep);
  mkdirSync(dirname(path), { recursive: true });
  replaceFileSync(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  let pending: StepEvent[] = [];
  let [batchSize, patches] = [0, 0];
  let since = now();
  const append = (record: RunRecord): void => {
    records.push(record);
    appendFileSync(path, `${JSON.stringify(record)}\n`);
  };
  const time = () => new Date(now()).toISOString();
  const step = (event: StepEvent): void => {
    pending.push(event);
    patches += batchSize;
    if (event.step % every !== 0) return;
    append(summarise(pending, time(), (1000 * patches) / (now() - since)));
    [pending, patches, since] = [[], 0, now()];
  };
  const validation = ({ step: ofStep, psnrDb }: Extract<RunEvent, { type: 'validation' }>): void => {
    append({ type: 'validation', time: time(), step: ofStep, psnrDb: Number.isFinite(psnrDb) ? psnrDb : null });
    // Validation is not training: it does not count as slowness.
    if (pending.length === 0) since = now();
  };
  return {
    records,
    report(event) {
      if (event.type === 'start') {
        append({ type: 'start', time: time(), step: event.step, ...describeData(event.dataset), settings });
      } else if (event.type === 'stage') {
        // The next record's speed is that of this stage alone, though it may sum up steps of the one before.
        [batchSize, patches, since] = [event.batchSize, 0, now()];
      } else if (event.type === 'step') step(event);
      else if (event.type === 'validation') validation(event);
    },
  };
}
