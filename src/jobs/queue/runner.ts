/** The queue of jobs and what works it off: some at a time, again after a crash, stopped when somebody asks. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DualscaleError } from '../../errors.ts';
import type { JobEventBody } from '../events/job-event.ts';
import { isFinished } from './job.ts';
import type { JobFolder } from './job-folder.ts';
import { endOrphan } from './job-process.ts';
import { JobRun } from './job-run.ts';
import type { JobEntry, JobStore } from './job-store.ts';
import type { StageParts } from './run-stages.ts';

export interface RunnerParts extends StageParts {
  readonly store: JobStore;
  readonly onEnd: (entry: JobEntry) => void;
}

/** After a process died the next try waits, longer each time: what killed it may be short of memory still. */
const RETRY_MS = [0, 250, 1000, 5000, 30_000];
/** For a checkpoint; after that the process is ended, which costs the steps since the last one. */
const STOP_MS = 10_000;

interface Slot {
  readonly run: JobRun;
  readonly done: Promise<void>;
}

export class Runner {
  readonly #parts: RunnerParts;
  readonly #running = new Map<string, Slot>();
  /** Starts without progress, one after the other, by job. */
  readonly #crashes = new Map<string, number>();
  readonly #delayedUntil = new Map<string, number>();
  #isPaused = false;
  #isClosing = false;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** What a server that was killed left behind is put in order, then the queue is worked off. */
  start(): void {
    for (const { folder, view } of this.#parts.store.list())
      if (isFinished(view)) clear(folder, [folder.cancel, folder.pid]);
    for (const { record, view } of this.#waiting()) {
      if (view.state === 'queued') continue;
      const data = { reason: 'server-stopped', detail: 'the server ended without a word' } as const;
      this.#parts.store.emit(record.id, { type: 'interrupted', data });
    }
    this.wake();
  }

  /** Looks for work. */
  wake(): void {
    if (this.#isClosing) return;
    for (const entry of this.#waiting()) {
      if (this.#running.size >= this.#parts.options.concurrency) return;
      const { id } = entry.record;
      const delay = (this.#delayedUntil.get(id) ?? 0) - this.#parts.now();
      if (delay > 0) setTimeout(() => this.wake(), delay).unref();
      else this.#launch(entry);
    }
  }

  /** Place in the queue from 0, null when it does not wait. */
  position(id: string): number | null {
    const index = this.#waiting().findIndex(({ record }) => record.id === id);
    return index < 0 ? null : index;
  }

  get waitingCount(): number {
    return this.#waiting().length;
  }

  /** Throws DS_CONFLICT when its model is on its way into service. */
  async cancel(id: string): Promise<void> {
    const { folder, has } = this.#entry(id);
    if (has('verdict')) {
      const publicDetail = 'Its model is on its way into service.';
      throw new DualscaleError('DS_CONFLICT', `${id} cannot be cancelled any more`, { publicDetail });
    }
    // First on disk: should the server be killed now, the next one knows.
    writeFileSync(folder.cancel, '', { flush: true });
    const slot = this.#running.get(id);
    if (!slot) {
      this.#finish(id, { type: 'cancelled', data: {} });
      return;
    }
    slot.run.kill();
    await slot.done;
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    for (const { run } of this.#running.values()) run.setPaused(isPaused);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Lets jobs save a checkpoint and ends their processes; the next server goes on. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const slots = [...this.#running.values()];
    for (const { run } of slots) run.stop();
    const timer = sleep(STOP_MS, undefined, { ref: false }).then(() => {
      for (const { run } of slots) run.kill();
    });
    const all = Promise.all(slots.map(({ done }) => done));
    await Promise.race([all, timer]);
    await all;
  }

  #entry(id: string): JobEntry {
    return this.#parts.store.get(id) as JobEntry;
  }

  #waiting(): readonly JobEntry[] {
    return this.#parts.store
      .list()
      .filter(({ record, view }) => !isFinished(view) && !this.#running.has(record.id))
      .toReversed();
  }

  #launch(entry: JobEntry): void {
    const { id } = entry.record;
    const finish = (job: string, body: JobEventBody) => this.#finish(job, body);
    const run = new JobRun(id, { ...this.#parts, finish });
    const done = this.#attempt(entry, run)
      .catch((error: unknown) => {
        // The journal cannot be written: the disk is full or gone.
        this.#delayedUntil.set(id, this.#parts.now() + (RETRY_MS.at(-1) as number));
        this.#parts.options.logger.error(`job ${id} could not be noted down`, error);
      })
      .finally(() => {
        this.#running.delete(id);
        this.wake();
      });
    this.#running.set(id, { run, done });
  }

  async #attempt(entry: JobEntry, run: JobRun): Promise<void> {
    const { record, folder, view } = entry;
    await endOrphan(folder);
    const end = existsSync(folder.cancel) ? undefined : await this.#tryRun(run);
    if (isFinished(this.#entry(record.id).view)) return;
    if (existsSync(folder.cancel)) this.#finish(record.id, { type: 'cancelled', data: {} });
    else if (end instanceof Error) this.#finish(record.id, { type: 'failed', data: this.#describe(record.id, end) });
    else if (end) this.#afterDeath(record.id, end.died, view.progress.ratio);
  }

  async #tryRun(run: JobRun): Promise<{ readonly died: string } | Error | undefined> {
    try {
      return await run.run(() => this.#isPaused);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #describe(id: string, error: Error): { readonly code: string; readonly message: string } {
    if (error instanceof DualscaleError) return { code: error.code, message: error.message };
    this.#parts.options.logger.error(`job ${id} failed`, error);
    return { code: 'DS_JOB_FAILED', message: error.message };
  }

  #afterDeath(id: string, detail: string, ratioBefore: number): void {
    const { store, now, options } = this.#parts;
    const reason = this.#isClosing ? 'server-stopped' : 'child-died';
    store.emit(id, { type: 'interrupted', data: { reason, detail } });
    if (this.#isClosing) return;
    const hasProgressed = this.#entry(id).view.progress.ratio > ratioBefore;
    const count = hasProgressed ? 1 : (this.#crashes.get(id) ?? 0) + 1;
    this.#crashes.set(id, count);
    this.#delayedUntil.set(id, now() + RETRY_MS[Math.min(count - 1, RETRY_MS.length - 1)]);
    if (count <= options.maxCrashes) return;
    const message = `the job's process ended ${count} times without progress; last: ${detail}`;
    this.#finish(id, { type: 'failed', data: { code: 'DS_JOB_FAILED', message } });
  }

  #finish(id: string, body: JobEventBody): void {
    const { folder } = this.#entry(id);
    // A cancelled job is cleared before it is called so, and found by its mark should the server be killed meanwhile; what
    // others need to be finished with is cleared after.
    if (body.type === 'cancelled') clear(folder, [folder.report, folder.log, `${folder.log}.1`]);
    this.#parts.store.emit(id, body);
    clear(folder, [folder.cancel, folder.pid]);
    this.#crashes.delete(id);
    this.#delayedUntil.delete(id);
    this.#parts.onEnd(this.#entry(id));
  }
}

function clear({ work }: JobFolder, files: readonly string[]): void {
  for (const path of [work, ...files]) rmSync(path, { recursive: true, force: true });
}
