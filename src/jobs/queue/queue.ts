/** The queue of jobs: some run at a time, they are tried again after a crash, and end when somebody asks. */
import { rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { DualscaleError } from '../../core/errors.ts';
import type { JobEventBody } from '../events/job-event.ts';
import { exists } from '../json-file.ts';
import { Attempt, ProcessDied } from './attempt.ts';
import { isFinished } from './job.ts';
import type { JobEntry } from './job-entry.ts';
import type { JobStore } from './job-store.ts';
import { olderLog } from './process-log.ts';
import { Retries } from './retries.ts';
import { readOutput, type StageContext } from './stages.ts';
import { storageCode } from './storage-error.ts';

export interface QueueContext extends StageContext {
  readonly store: JobStore;
  readonly onEnd: (entry: JobEntry) => void;
}

/** For a checkpoint; after that the process is killed, which costs the steps since the last one. */
const STOP_MS = 10_000;

interface Slot {
  readonly attempt: Attempt;
  readonly done: Promise<void>;
}

export class JobQueue {
  readonly #context: QueueContext;
  readonly #running = new Map<string, Slot>();
  readonly #retries: Retries;
  #timer: NodeJS.Timeout | undefined;
  #isPaused = false;
  #isClosing = false;

  constructor(context: QueueContext) {
    this.#context = context;
    this.#retries = new Retries(context.now);
  }

  /** Tidies up what a killed server left behind, then begins to work. */
  async start(): Promise<void> {
    for (const entry of this.#context.store.list()) {
      if (isFinished(entry.view)) await this.#clearFiles(entry, [entry.folder.cancel, entry.folder.pid]);
    }
    for (const entry of this.#waiting()) {
      if (entry.view.state === 'queued') continue;
      const data = { reason: 'server-stopped', detail: 'the server was killed' } as const;
      await this.#tryEmit(entry, { type: 'interrupted', data });
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
      if (this.#running.size >= this.#context.options.concurrency) return;
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

  /** Resolves when it has ended. Throws DS_CONFLICT when its model is on its way into service. */
  async cancel(entry: JobEntry): Promise<void> {
    const { id } = entry.record;
    const running = this.#running.get(id)?.attempt;
    if (running?.isRollingOut || (running && entry.has('verdict')) || entry.has('published')) {
      const publicDetail = 'The model of this job is already being published.';
      throw new DualscaleError('DS_CONFLICT', `${id} cannot be cancelled any more`, { publicDetail });
    }
    running?.preventRollOut();
    // First on disk: should the server be killed now, the next one knows.
    await writeFile(entry.folder.cancel, '', { flush: true });
    if (isFinished(entry.view)) return;
    const { attempt, done } = this.#running.get(id) ?? this.#launch(entry);
    attempt.kill();
    await done;
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    for (const { attempt } of this.#running.values()) attempt.setPaused(isPaused);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Lets jobs save a checkpoint and ends their processes; the next server continues. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#timer);
    const slots = [...this.#running.values()];
    for (const { attempt } of slots) attempt.stop();
    const all = Promise.all(slots.map(({ done }) => done));
    await Promise.race([all, sleep(STOP_MS, undefined, { ref: false })]);
    for (const { attempt } of slots) attempt.kill();
    await all;
  }

  /** The folder belongs to another server now: nothing more is written into it. */
  abandon(): void {
    this.#isClosing = true;
    for (const { attempt } of this.#running.values()) attempt.kill();
  }

  /** In the order they were asked for. */
  #waiting(): readonly JobEntry[] {
    return this.#context.store
      .list()
      .filter(({ record, view }) => !isFinished(view) && !this.#running.has(record.id))
      .toReversed();
  }

  #launch(entry: JobEntry): Slot {
    const { id } = entry.record;
    const attempt = new Attempt(entry, this.#context.store, this.#context, () => this.#isPaused);
    const done = this.#work(entry, attempt)
      .catch((error: unknown) => {
        // The journal cannot be written: the disk is full or gone.
        this.#retries.blocked(id);
        this.#context.options.logger.error(`job ${id} could not be noted down`, error);
      })
      .finally(() => {
        this.#running.delete(id);
        this.wake();
      });
    const slot = { attempt, done };
    this.#running.set(id, slot);
    return slot;
  }

  /** One attempt, and what becomes of the job then: its end, or another attempt, now or later. */
  async #work(entry: JobEntry, attempt: Attempt): Promise<void> {
    const ratioBefore = entry.view.progress.ratio;
    try {
      const result = await attempt.run();
      await this.#finish(entry, { type: 'succeeded', data: { result } });
    } catch (error) {
      if (isFinished(entry.view)) {
        // The next start tidies up.
        this.#context.options.logger.warn(`files of job ${entry.record.id} are not removed: ${String(error)}`);
      } else if (await exists(entry.folder.cancel)) await this.#finish(entry, { type: 'cancelled', data: {} });
      else await this.#afterFailure(entry, error as Error, entry.view.progress.ratio > ratioBefore);
    }
  }

  async #afterFailure(entry: JobEntry, error: Error, hasProgressed: boolean): Promise<void> {
    const code = storageCode(error);
    if (error instanceof ProcessDied) await this.#afterDeath(entry, error.message, hasProgressed);
    else if (code !== undefined) await this.#block(entry, code, error.message, hasProgressed);
    else await this.#finish(entry, { type: 'failed', data: this.#describe(entry, error) });
  }

  async #afterDeath(entry: JobEntry, detail: string, hasProgressed: boolean): Promise<void> {
    const { id } = entry.record;
    const reason = this.#isClosing ? 'server-stopped' : 'child-died';
    await this.#context.store.emit(id, { type: 'interrupted', data: { reason, detail } });
    if (this.#isClosing) return;
    const count = this.#retries.crashed(id, hasProgressed);
    if (count <= this.#context.options.maxCrashes) return;
    const message = `the job's process ended ${count} times without progress; last: ${detail}`;
    await this.#finish(entry, { type: 'failed', data: { code: 'DS_JOB_FAILED', message } });
  }

  /** The disk does not take what the job must write: the job waits with all it has, however long, and an event says why. */
  async #block(entry: JobEntry, code: string, detail: string, hasProgressed: boolean): Promise<void> {
    const { id } = entry.record;
    const reported = this.#retries.blocked(id, hasProgressed);
    if (!reported.has(code)) {
      this.#context.options.logger.warn(`job ${id} waits: ${detail}`);
      const message = `the job waits and is tried again until the disk takes what it writes: ${detail}`;
      if (await this.#tryEmit(entry, { type: 'note', data: { level: 'warning', message } })) reported.add(code);
    }
    if (entry.view.state === 'queued') return;
    const reason = this.#isClosing ? 'server-stopped' : 'child-died';
    await this.#tryEmit(entry, { type: 'interrupted', data: { reason, detail } });
  }

  #describe({ record }: JobEntry, error: Error): { readonly code: string; readonly message: string } {
    if (error instanceof DualscaleError) return { code: error.code, message: error.message };
    this.#context.options.logger.error(`job ${record.id} failed`, error);
    return { code: 'DS_JOB_FAILED', message: error.message };
  }

  async #finish(entry: JobEntry, body: JobEventBody): Promise<void> {
    const { folder, record } = entry;
    const { store, options, onEnd } = this.#context;
    if (body.type === 'failed' && (await this.#hasOutput(entry))) {
      options.logger.warn(`job ${record.id} failed with its model made: it is kept below ${folder.work}`);
    }
    // A cancelled job is cleared before it is called so: should the server be killed meanwhile, its mark is still there.
    // What other ends need until they are noted down is cleared after.
    if (body.type === 'cancelled') await this.#clearFiles(entry, [folder.report, folder.log, olderLog(folder.log)]);
    await store.emit(record.id, body);
    this.#retries.forget(record.id);
    onEnd(entry);
    await this.#clearFiles(entry, [folder.cancel, folder.pid]);
  }

  async #hasOutput(entry: JobEntry): Promise<boolean> {
    return (await readOutput(entry, this.#context)) !== undefined;
  }

  /** Removes files of a job that has ended, with all it worked on. When it failed after its model was made, that is kept. */
  async #clearFiles(entry: JobEntry, files: readonly string[]): Promise<void> {
    const isKept = entry.view.state === 'failed' && (await this.#hasOutput(entry));
    for (const path of isKept ? files : [entry.folder.work, ...files]) await rm(path, { recursive: true, force: true });
  }

  /** For events that change nothing on disk: when they are lost, the next attempt says as much. */
  async #tryEmit({ record }: JobEntry, body: JobEventBody): Promise<boolean> {
    try {
      await this.#context.store.emit(record.id, body);
      return true;
    } catch (error) {
      this.#context.options.logger.warn(`job ${record.id}: ${body.type} is not noted down: ${String(error)}`);
      return false;
    }
  }
}
