/** Where the files of a job lie. */
import { join } from 'node:path';

export interface JobFolder {
  readonly directory: string;
  /** The job's request. */
  readonly record: string;
  readonly events: string;
  /** Present once its cancellation was requested. */
  readonly cancel: string;
  readonly report: string;
  readonly log: string;
  /** Pid of the process that works on it. */
  readonly pid: string;
  /** Everything that is removed when the job ends. */
  readonly work: string;
  /** What the job process has to do, and what came out. */
  readonly spec: string;
  readonly output: string;
  /** What the evaluation process has to do, and what came out. */
  readonly evaluationSpec: string;
  readonly evaluations: string;
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
    spec: join(work, 'spec.json'),
    output: join(work, 'output.json'),
    evaluationSpec: join(work, 'evaluation-spec.json'),
    evaluations: join(work, 'evaluations.json'),
  };
}
