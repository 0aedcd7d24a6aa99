/** The jobs of one folder: created whole or not at all, listed, forgotten when they are old. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../../core/atomic-file.ts';
import type { EventLog } from '../events/event-log.ts';
import type { JobEvent, JobEventBody } from '../events/job-event.ts';
import { randomId, readJsonOrWarn, writeJson } from '../json-file.ts';
import { isFinished, JOB_STATES, type JobRequest, type JobState } from './job.ts';
import { JobEntry, type JobRecord } from './job-entry.ts';
import { jobFolder } from './job-folder.ts';

export interface JobStoreOptions {
  /** Folder of job folders, created when it is missing. */
  readonly directory: string;
  readonly log: EventLog;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Finished jobs that are kept, from 1. */
  readonly keepJobs: number;
  readonly warn: (message: string) => void;
}

/** Latest first. */
const byAge = (a: JobEntry, b: JobEntry) => b.firstEventId - a.firstEventId;
const endOf = ({ view }: JobEntry) => Date.parse(view.finishedAt ?? '');
const byEnd = (a: JobEntry, b: JobEntry) => endOf(b) - endOf(a);

export function countStates(entries: readonly JobEntry[]): Record<JobState, number> {
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<JobState, number>;
  for (const { view } of entries) counts[view.state] += 1;
  return counts;
}

export class JobStore {
  readonly #options: JobStoreOptions;
  readonly #jobs = new Map<string, JobEntry>();
  /** Jobs whose first event is not on disk yet. */
  readonly #created = new Map<string, JobEntry>();

  private constructor(options: JobStoreOptions) {
    this.#options = options;
    // Before any other listener, so that each of them finds the job as the event left it.
    options.log.listen((event) => {
      const entry = this.#jobs.get(event.job) ?? this.#created.get(event.job);
      if (!entry) return;
      entry.apply(event);
      this.#jobs.set(event.job, entry);
    });
  }

  /** Throws Node's errors for what cannot be read now; a folder that holds no job is passed over. */
  static async open(options: JobStoreOptions): Promise<JobStore> {
    const { directory } = options;
    const store = new JobStore(options);
    await mkdir(directory, { recursive: true });
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      // A name with a dot is a job whose creation was cut short.
      if (entry.name.startsWith('.')) await rm(join(directory, entry.name), { recursive: true, force: true });
      else if (entry.isDirectory()) await store.#load(entry.name);
    }
    return store;
  }

  async #load(name: string): Promise<void> {
    const { directory, log, warn } = this.#options;
    const folder = jobFolder(join(directory, name));
    const record = await readJsonOrWarn<JobRecord>(folder.record, warn);
    if (record?.id !== name) {
      warn(`${folder.directory} is skipped: it holds no job`);
      return;
    }
    this.#jobs.set(name, new JobEntry(record, folder, await log.open(name, folder.events)));
  }

  /** Resolves when the job is on disk. */
  async create(request: JobRequest, idempotency?: JobRecord['idempotency']): Promise<JobEntry> {
    const { directory, log, now } = this.#options;
    await this.#forgetOld();
    const id = randomId('job');
    const record: JobRecord = { id, request, createdAt: new Date(now()).toISOString(), idempotency };
    const unfinished = jobFolder(join(directory, `.${id}`));
    const folder = jobFolder(join(directory, id));
    await mkdir(unfinished.directory);
    await writeJson(unfinished.record, record);
    await rename(unfinished.directory, folder.directory);
    await syncFolder(directory);
    const entry = new JobEntry(record, folder, await log.open(id, folder.events));
    this.#created.set(id, entry);
    try {
      await this.emit(id, { type: 'queued', data: { type: request.type, model: request.model } });
    } catch (error) {
      // The client is told that there is no such job.
      await this.#remove(entry);
      throw error;
    } finally {
      this.#created.delete(id);
    }
    return entry;
  }

  get(id: string): JobEntry | undefined {
    return this.#jobs.get(id);
  }

  /** Latest first. */
  list(): readonly JobEntry[] {
    return [...this.#jobs.values()].sort(byAge);
  }

  findByKey(key: string): JobEntry | undefined {
    return [...this.#jobs.values()].find(({ record }) => record.idempotency?.key === key);
  }

  emit(id: string, body: JobEventBody): Promise<JobEvent> {
    return this.#options.log.emit(id, body);
  }

  async #forgetOld(): Promise<void> {
    const ended = [...this.#jobs.values()].filter(({ view }) => isFinished(view)).sort(byEnd);
    for (const entry of ended.slice(this.#options.keepJobs)) await this.#remove(entry);
  }

  async #remove({ record: { id }, folder }: JobEntry): Promise<void> {
    this.#jobs.delete(id);
    await this.#options.log.drop(id);
    await rm(folder.directory, { recursive: true, force: true });
  }
}
