/** Where the files of a job lie, and writing them whole or not at all. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFileSync } from '../../core/atomic-file.ts';

export interface JobFolder {
  readonly directory: string;
  /** What was asked for. */
  readonly record: string;
  readonly events: string;
  /** Present once somebody asked to stop it. */
  readonly cancel: string;
  readonly report: string;
  readonly log: string;
  /** Pid of the process that works on it. */
  readonly pid: string;
  /** Everything that goes when the job ends. */
  readonly work: string;
  /** What the child is to do. */
  readonly order: string;
  /** What came of the child's work. */
  readonly outcome: string;
}

export function jobFolder(directory: string): JobFolder {
  const work = join(directory, 'work');
  return {
    directory,
    record: join(directory, 'job.json'),
    events: join(directory, 'events.jsonl'),
    cancel: join(directory, 'cancel'),
    report: join(directory, 'report.json'),
    log: join(directory, 'log.txt'),
    pid: join(directory, 'pid'),
    work,
    order: join(work, 'order.json'),
    outcome: join(work, 'outcome.json'),
  };
}

export function replaceJson(path: string, value: unknown): void {
  replaceFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Undefined when there is no such file or it holds no JSON. */
export function readJson<Value>(path: string): Value | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Value;
  } catch {
    return undefined;
  }
}

/** `prefix-` and 16 letters and digits: 80 random bits. */
export function randomId(prefix: string): string {
  const number = BigInt(`0x${randomBytes(10).toString('hex')}`);
  return `${prefix}-${number.toString(36).padStart(16, '0').slice(-16)}`;
}
