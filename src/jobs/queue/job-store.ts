/** The jobs of one folder: made whole or not at all, listed, summed up from their events, forgotten when they are old. */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolderSync } from '../../core/atomic-file.ts';
import type { EventLog } from '../events/event-log.ts';
import type { JobEvent, JobEventBody, JobEventType } from '../events/job-event.ts';
import { isFinished, type JobRequest, type JobView } from './job.ts';
import { type JobFolder, jobFolder, randomId, readJson, replaceJson } from './job-folder.ts';
import { createJobState, type JobRecord, type JobState } from './job-view.ts';

export interface JobEntry {
  readonly record: JobRecord;
  readonly folder: JobFolder;
  readonly view: JobView;
  /** Whether such an event has happened to it. */
  has(type: JobEventType): boolean;
}

export interface JobStoreOptions {
  /** Folder of job folders, made when it is missing. */
  readonly directory: string;
  readonly log: EventLog;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Finished jobs that are kept, from 1. */
  readonly keepJobs: number;
  readonly warn: (message: string) => void;
}

export interface JobStore {
  /** On disk when it returns. */
  create(request: JobRequest, idempotency?: JobRecord['idempotency']): JobEntry;
  get(id: string): JobEntry | undefined;
  /** Latest first. */
  list(): readonly JobEntry[];
  findByKey(key: string): JobEntry | undefined;
  emit(id: string, body: JobEventBody): JobEvent;
}

interface Stored {
  readonly record: JobRecord;
  readonly folder: JobFolder;
  readonly state: JobState;
  /** Rises from job to job, also over restarts. */
  readonly firstEventId: number;
}

const asEntry = ({ record, folder, state }: Stored): JobEntry => ({ record, folder, view: state.view, has: state.has });
/** Latest first. Jobs of the same millisecond are in the order of their first events. */
const byAge = (a: Stored, b: Stored) => b.firstEventId - a.firstEventId;
const byEnd = (a: Stored, b: Stored) =>
  Date.parse(b.state.view.finishedAt ?? '') - Date.parse(a.state.view.finishedAt ?? '');

export function createJobStore(options: JobStoreOptions): JobStore {
  const { directory, log, now, keepJobs, warn } = options;
  const jobs = new Map<string, Stored>();

  const load = (name: string): void => {
    const folder = jobFolder(join(directory, name));
    const record = readJson<JobRecord>(folder.record);
    if (record?.id !== name) {
      warn(`${folder.directory} is passed over: it holds no job`);
      return;
    }
    const events = log.open(name, folder.events);
    jobs.set(name, { record, folder, state: createJobState(record, events), firstEventId: events[0]?.id ?? 0 });
  };

  mkdirSync(directory, { recursive: true });
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    // A name with a dot is a job whose making was cut short.
    if (entry.name.startsWith('.')) rmSync(join(directory, entry.name), { recursive: true, force: true });
    else if (entry.isDirectory()) load(entry.name);
  }

  const forgetOld = (): void => {
    const ended = [...jobs.values()].filter(({ state }) => isFinished(state.view)).sort(byEnd);
    for (const { record, folder } of ended.slice(keepJobs)) {
      jobs.delete(record.id);
      log.drop(record.id);
      rmSync(folder.directory, { recursive: true, force: true });
    }
  };

  const emit = (id: string, body: JobEventBody): JobEvent => {
    if (!jobs.has(id)) throw new Error(`there is no job ${id}`);
    return log.emit(id, body);
  };
  // Before any other listener, so that whoever hears of an event finds the job as the event left it.
  log.listen((event) => jobs.get(event.job)?.state.apply(event));

  return {
    create(request, idempotency) {
      forgetOld();
      const id = randomId('job');
      const record: JobRecord = { id, request, createdAt: new Date(now()).toISOString(), idempotency };
      const beside = jobFolder(join(directory, `.${id}`));
      mkdirSync(beside.directory);
      replaceJson(beside.record, record);
      const folder = jobFolder(join(directory, id));
      renameSync(beside.directory, folder.directory);
      syncFolderSync(directory);
      const state = createJobState(record, log.open(id, folder.events));
      jobs.set(id, { record, folder, state, firstEventId: log.lastId + 1 });
      try {
        emit(id, { type: 'queued', data: { type: request.type, model: request.model } });
      } catch (error) {
        // Who asked for it is told that there is no such job.
        jobs.delete(id);
        log.drop(id);
        rmSync(folder.directory, { recursive: true, force: true });
        throw error;
      }
      return asEntry(jobs.get(id) as Stored);
    },
    get(id) {
      const stored = jobs.get(id);
      return stored && asEntry(stored);
    },
    list: () => [...jobs.values()].sort(byAge).map(asEntry),
    findByKey(key) {
      const stored = [...jobs.values()].find(({ record }) => record.idempotency?.key === key);
      return stored && asEntry(stored);
    },
    emit,
  };
}
