/** One attempt at one job: the processes it takes, what they say, and the way of its model into service. */
import { existsSync } from 'node:fs';
import { DualscaleError } from '../../core/errors.ts';
import { requireFreeBytes } from '../data/disk-space.ts';
import { isFleeting } from '../events/event-log.ts';
import type { JobEventBody } from '../events/job-event.ts';
import { createProgressMeter } from '../worker/progress-meter.ts';
import type { ChildMessage } from './job-message.ts';
import { type JobProcess, killWithServer, startJobProcess } from './job-process.ts';
import type { JobEntry, JobStore } from './job-store.ts';
import { type JobTicket, receiveMessages } from './receive-messages.ts';
import { judgementsOf, outcomeOf, type StageParts, settle, writeJudgeOrder, writeOrder } from './run-stages.ts';
import { STAGES } from './stages.ts';
import type { Outcome } from './work-order.ts';

export interface JobRunParts extends StageParts {
  readonly store: JobStore;
  /** Ends the job. */
  readonly finish: (id: string, body: JobEventBody) => void;
}

type Script = 'job-worker' | 'judge-worker';

/** Undefined when the job has ended, else how the process ended before it was done. */
type RunEnd = { readonly died: string } | undefined;

export class JobRun {
  readonly #id: string;
  readonly #parts: JobRunParts;
  readonly #ticket: JobTicket;
  #process: JobProcess | undefined;
  /** What is measured must not stand still while it is. */
  #canPause = false;
  #isStopping = false;
  /** A suspended process is killed when the server ends. */
  #releaseGuard = () => {};
  /** Why an event that must not be lost could not be noted down: the attempt ends with it. */
  #trouble: Error | undefined;
  #hasLostEvents = false;

  constructor(id: string, parts: JobRunParts) {
    this.#id = id;
    this.#parts = parts;
    const { now } = parts;
    const stages = STAGES[this.#entry.record.request.type];
    const view = () => this.#entry.view;
    const meter = createProgressMeter({ stages, view, now });
    this.#ticket = receiveMessages({ stages, view, meter, emit: (body) => this.#emit(body) });
  }

  get #entry(): JobEntry {
    return this.#parts.store.get(this.#id) as JobEntry;
  }

  /**
   * Throws an error of storage (see `storageCode`) for what waits until somebody has seen to the disk, and a DualscaleError for what
   * no repetition would mend.
   */
  async run(isPaused: () => boolean): Promise<RunEnd> {
    const { directory } = this.#entry.folder;
    // Before anything is noted down: a job that waits for room has not begun. What is made already needs next to none.
    if (!outcomeOf(this.#entry)) await requireFreeBytes(directory, this.#parts.options.minFreeBytes);
    this.#begin();
    const trained = await this.#train(isPaused);
    if ('died' in trained) return trained;
    const end = await this.#judge(trained);
    if (end) return end;
    if (this.#isStopping || existsSync(this.#entry.folder.cancel)) return { died: 'it was asked to stop' };
    this.#ticket.enter('publish');
    const { finish } = this.#parts;
    await settle(this.#entry, trained, this.#parts, (body) => {
      if (body.type === 'succeeded') finish(this.#id, body);
      else this.#emit(body);
    });
    return undefined;
  }

  /** Lets the process stand still, or go on. Where the system has no such signals it just goes on. */
  setPaused(isPaused: boolean): void {
    if (!this.#process || !this.#canPause || process.platform === 'win32') return;
    const { state } = this.#entry.view;
    if (isPaused && state === 'running') {
      this.#releaseGuard = killWithServer(this.#process.pid);
      this.#process.kill('SIGSTOP');
      this.#orEnd(() => this.#emit({ type: 'paused', data: { reason: 'load' } }));
    } else if (!isPaused && state === 'paused') {
      this.#process.kill('SIGCONT');
      this.#releaseGuard();
      this.#orEnd(() => this.#emit({ type: 'continued', data: {} }));
    }
  }

  /** Asks for a checkpoint and an end. */
  stop(): void {
    this.#isStopping = true;
    this.#process?.kill('SIGCONT');
    this.#process?.send({ type: 'stop' });
  }

  kill(): void {
    this.#isStopping = true;
    this.#process?.kill('SIGKILL');
  }

  /** Events that say nothing for long are dropped while the disk is full; of others the error is thrown. */
  #emit(body: JobEventBody): void {
    const { store, options } = this.#parts;
    try {
      store.emit(this.#id, body);
    } catch (error) {
      if (!isFleeting(body.type)) throw error;
      if (!this.#hasLostEvents)
        options.logger.warn(`job ${this.#id}: ${body.type} is not noted down: ${String(error)}`);
      this.#hasLostEvents = true;
    }
  }

  /** For what comes from the event loop, where nobody would catch an error: it ends the process instead, and the attempt with it. */
  #orEnd(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#trouble ??= error instanceof Error ? error : new Error(String(error));
      this.#process?.kill('SIGKILL');
    }
  }

  #begin(): void {
    const { record, view, has } = this.#entry;
    const attempt = view.attempts + 1;
    const { stage, step } = view.progress;
    const { store } = this.#parts;
    if (has('started')) {
      store.emit(record.id, { type: 'resumed', data: { attempt, stage, step } });
      return;
    }
    const stages = Object.keys(STAGES[record.request.type]);
    store.emit(record.id, { type: 'started', data: { attempt, stages } });
  }

  async #runProcess(script: Script, isPaused: () => boolean): Promise<string> {
    const { heapMegabytes } = this.#parts.options;
    const onMessage = (message: ChildMessage) => this.#orEnd(() => this.#ticket.onMessage(message));
    this.#process = startJobProcess({ script, folder: this.#entry.folder, heapMegabytes, onMessage });
    this.#canPause = script === 'job-worker';
    this.setPaused(isPaused());
    if (this.#isStopping) this.kill();
    const { code, signal } = await this.#process.ended;
    this.#releaseGuard();
    this.#process = undefined;
    if (this.#trouble) throw this.#trouble;
    const { failure } = this.#ticket;
    if (failure) throw new DualscaleError(failure.code, failure.message);
    return `the process ended with ${signal ?? `code ${code}`}`;
  }

  async #train(isPaused: () => boolean): Promise<Outcome | { readonly died: string }> {
    const known = outcomeOf(this.#entry);
    if (known) return known;
    await writeOrder(this.#entry, this.#parts);
    const died = await this.#runProcess('job-worker', isPaused);
    return outcomeOf(this.#entry) ?? { died };
  }

  async #judge(outcome: Outcome): Promise<RunEnd> {
    if (judgementsOf(this.#entry)) return undefined;
    this.#ticket.enter('judge');
    writeJudgeOrder(this.#entry, outcome, this.#parts);
    const died = await this.#runProcess('judge-worker', () => false);
    return judgementsOf(this.#entry) ? undefined : { died };
  }
}
