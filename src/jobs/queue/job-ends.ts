/** What becomes of a job when an attempt at it has ended: another one, now or later, or its end. */
import { rmSync } from 'node:fs';
import { DualscaleError } from '../../core/errors.ts';
import type { JobEventBody } from '../events/job-event.ts';
import type { JobEntry, JobStore } from './job-store.ts';
import { olderLog } from './process-log.ts';
import type { Retries } from './retries.ts';
import { outcomeOf, type StageParts } from './run-stages.ts';
import { storageCode } from './storage-error.ts';

export interface JobEndParts extends StageParts {
  readonly store: JobStore;
  readonly onEnd: (entry: JobEntry) => void;
}

/** Files of a job that has ended go, with all it worked on. Of one that failed after its model was made, that is kept. */
export function clearFiles(entry: JobEntry, files: readonly string[]): void {
  const { view, folder } = entry;
  const isKept = view.state === 'failed' && outcomeOf(entry) !== undefined;
  for (const path of [...(isKept ? [] : [folder.work]), ...files]) rmSync(path, { recursive: true, force: true });
}

export class JobEnds {
  readonly #parts: JobEndParts;
  readonly #retries: Retries;
  readonly #isClosing: () => boolean;

  constructor(parts: JobEndParts, retries: Retries, isClosing: () => boolean) {
    this.#parts = parts;
    this.#retries = retries;
    this.#isClosing = isClosing;
  }

  #entry(id: string): JobEntry {
    return this.#parts.store.get(id) as JobEntry;
  }

  #describe(id: string, error: Error): { readonly code: string; readonly message: string } {
    if (error instanceof DualscaleError) return { code: error.code, message: error.message };
    this.#parts.options.logger.error(`job ${id} failed`, error);
    return { code: 'DS_JOB_FAILED', message: error.message };
  }

  /** @param ratioBefore how far the job was when the attempt began. */
  afterError(id: string, error: Error, ratioBefore: number): void {
    const code = storageCode(error);
    if (code === undefined) this.finish(id, { type: 'failed', data: this.#describe(id, error) });
    else this.#block(id, { code, detail: error.message }, ratioBefore);
  }

  /** The disk does not take what the job must write: the job waits with all it has, however long, and an event says why. */
  #block(id: string, { code, detail }: { code: string; detail: string }, ratioBefore: number): void {
    const { view } = this.#entry(id);
    const told = this.#retries.blocked(id, view.progress.ratio > ratioBefore);
    if (!told.has(code)) {
      this.#parts.options.logger.warn(`job ${id} waits: ${detail}`);
      const message = `the job waits and is tried again until the disk takes what it writes: ${detail}`;
      if (this.tryEmit(id, { type: 'note', data: { level: 'warning', message } })) told.add(code);
    }
    if (view.state === 'queued') return;
    const reason = this.#isClosing() ? 'server-stopped' : 'child-died';
    this.tryEmit(id, { type: 'interrupted', data: { reason, detail } });
  }

  /** For events that change nothing on disk: when they are lost, the next attempt says as much. */
  tryEmit(id: string, body: JobEventBody): boolean {
    try {
      this.#parts.store.emit(id, body);
      return true;
    } catch (error) {
      this.#parts.options.logger.warn(`job ${id}: ${body.type} is not noted down: ${String(error)}`);
      return false;
    }
  }

  afterDeath(id: string, detail: string, ratioBefore: number): void {
    const { store, options } = this.#parts;
    const reason = this.#isClosing() ? 'server-stopped' : 'child-died';
    store.emit(id, { type: 'interrupted', data: { reason, detail } });
    if (this.#isClosing()) return;
    const count = this.#retries.crashed(id, this.#entry(id).view.progress.ratio > ratioBefore);
    if (count <= options.maxCrashes) return;
    const message = `the job's process ended ${count} times without progress; last: ${detail}`;
    this.finish(id, { type: 'failed', data: { code: 'DS_JOB_FAILED', message } });
  }

  finish(id: string, body: JobEventBody): void {
    const { folder } = this.#entry(id);
    const { store, options, onEnd } = this.#parts;
    if (body.type === 'failed' && outcomeOf(this.#entry(id))) {
      options.logger.warn(`job ${id} failed with its model made: it is kept below ${folder.work}`);
    }
    // A cancelled job is cleared before it is called so, and found by its mark should the server be killed meanwhile; what
    // others need to be finished with is cleared after.
    if (body.type === 'cancelled') clearFiles(this.#entry(id), [folder.report, folder.log, olderLog(folder.log)]);
    store.emit(id, body);
    clearFiles(this.#entry(id), [folder.cancel, folder.pid]);
    this.#retries.forget(id);
    onEnd(this.#entry(id));
  }
}
