/** The queue of jobs and what works it off: some at a time, again after a crash, stopped when somebody asks. */
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DualscaleError } from '../../core/errors.ts';
import { sweepTemporary } from '../data/leftovers.ts';
import type { JobEventBody } from '../events/job-event.ts';
import { isFinished } from './job.ts';
import { clearFiles, type JobEndParts, JobEnds } from './job-ends.ts';
import { endOrphan } from './job-process.ts';
import { JobRun } from './job-run.ts';
import type { JobEntry } from './job-store.ts';
import { Retries } from './retries.ts';

/** For a checkpoint; after that the process is ended, which costs the steps since the last one. */
const STOP_MS = 10_000;

interface Slot {
  readonly run: JobRun;
  readonly done: Promise<void>;
}

export class Runner {
  readonly #parts: JobEndParts;
  readonly #running = new Map<string, Slot>();
  readonly #retries: Retries;
  readonly #ends: JobEnds;
  #timer: NodeJS.Timeout | undefined;
  #isPaused = false;
  #isClosing = false;

  constructor(parts: JobEndParts) {
    this.#parts = parts;
    this.#retries = new Retries(parts.now);
    this.#ends = new JobEnds(parts, this.#retries, () => this.#isClosing);
  }

  /** What a server that was killed left behind is put in order, then the queue is worked off. */
  start(): void {
    for (const entry of this.#parts.store.list()) {
      const { folder, view } = entry;
      if (isFinished(view)) clearFiles(entry, [folder.cancel, folder.pid]);
    }
    for (const { record, view } of this.#waiting()) {
      if (view.state === 'queued') continue;
      const data = { reason: 'server-stopped', detail: 'the server ended without a word' } as const;
      this.#ends.tryEmit(record.id, { type: 'interrupted', data });
    }
    this.wake();
  }

  /** Looks for work. */
  wake(): void {
    if (this.#isClosing) return;
    clearTimeout(this.#timer);
    let soonest = Number.POSITIVE_INFINITY;
    for (const entry of this.#waiting()) {
      // The end of one that runs looks for work again.
      if (this.#running.size >= this.#parts.options.concurrency) return;
      const delay = this.#retries.delay(entry.record.id);
      if (delay > 0) soonest = Math.min(soonest, delay);
      else this.#launch(entry);
    }
    if (Number.isFinite(soonest)) this.#timer = setTimeout(() => this.wake(), soonest).unref();
  }

  /** Place in the queue from 0, null when it does not wait. */
  position(id: string): number | null {
    const index = this.#waiting().findIndex(({ record }) => record.id === id);
    return index < 0 ? null : index;
  }

  /** No job is begun any more. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  get waitingCount(): number {
    return this.#waiting().length;
  }

  /** Throws DS_CONFLICT when its model is on its way into service. */
  async cancel(id: string): Promise<void> {
    const { folder, has } = this.#entry(id);
    const isUnderWay = this.#running.has(id) || has('published');
    if (has('verdict') && isUnderWay) {
      const publicDetail = 'Its model is on its way into service.';
      throw new DualscaleError('DS_CONFLICT', `${id} cannot be cancelled any more`, { publicDetail });
    }
    // First on disk: should the server be killed now, the next one knows.
    writeFileSync(folder.cancel, '', { flush: true });
    const slot = this.#running.get(id);
    if (!slot) {
      this.#ends.finish(id, { type: 'cancelled', data: {} });
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

  /** The folder is another server's now: nothing more is written into it. */
  abandon(): void {
    this.#isClosing = true;
    for (const { run } of this.#running.values()) run.kill();
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
    const finish = (job: string, body: JobEventBody) => this.#ends.finish(job, body);
    const run = new JobRun(id, { ...this.#parts, finish });
    const done = this.#attempt(entry, run)
      .catch((error: unknown) => {
        // The journal cannot be written: the disk is full or gone.
        this.#retries.blocked(id);
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
    const ratioBefore = view.progress.ratio;
    if (!(await endOrphan(folder))) {
      this.#ends.afterDeath(record.id, 'its process of an earlier attempt does not end', ratioBefore);
      return;
    }
    await sweepTemporary(folder.work);
    const end = existsSync(folder.cancel) ? undefined : await this.#tryRun(run);
    if (isFinished(this.#entry(record.id).view)) return;
    if (existsSync(folder.cancel)) this.#ends.finish(record.id, { type: 'cancelled', data: {} });
    else if (end instanceof Error) this.#ends.afterError(record.id, end, ratioBefore);
    else if (end) this.#ends.afterDeath(record.id, end.died, ratioBefore);
  }

  async #tryRun(run: JobRun): Promise<{ readonly died: string } | Error | undefined> {
    try {
      return await run.run(() => this.#isPaused);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}
