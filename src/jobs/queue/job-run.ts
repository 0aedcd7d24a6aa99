/** One attempt at one job: the processes it takes, what they say, and the way of its model into service. */
import { existsSync } from 'node:fs';
import { DualscaleError } from '../../errors.ts';
import type { JobEventBody } from '../events/job-event.ts';
import { createProgressMeter } from '../work/progress-meter.ts';
import { type JobProcess, startJobProcess } from './job-process.ts';
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

  constructor(id: string, parts: JobRunParts) {
    this.#id = id;
    this.#parts = parts;
    const { store, now } = parts;
    const stages = STAGES[this.#entry.record.request.type];
    const view = () => this.#entry.view;
    const meter = createProgressMeter({ stages, view, now });
    this.#ticket = receiveMessages({ stages, view, meter, emit: (body) => store.emit(id, body) });
  }

  get #entry(): JobEntry {
    return this.#parts.store.get(this.#id) as JobEntry;
  }

  /** Throws a DualscaleError for what no repetition would mend. */
  async run(isPaused: () => boolean): Promise<RunEnd> {
    this.#begin();
    const trained = await this.#train(isPaused);
    if ('died' in trained) return trained;
    const end = await this.#judge(trained);
    if (end) return end;
    if (this.#isStopping || existsSync(this.#entry.folder.cancel)) return { died: 'it was asked to stop' };
    this.#ticket.enter('publish');
    const { store, finish } = this.#parts;
    await settle(this.#entry, trained, this.#parts, (body) => {
      if (body.type === 'succeeded') finish(this.#id, body);
      else store.emit(this.#id, body);
    });
    return undefined;
  }

  /** Lets the process stand still, or go on. Where the system has no such signals it just goes on. */
  setPaused(isPaused: boolean): void {
    if (!this.#process || !this.#canPause || process.platform === 'win32') return;
    const { state } = this.#entry.view;
    if (isPaused && state === 'running') {
      this.#process.kill('SIGSTOP');
      this.#parts.store.emit(this.#id, { type: 'paused', data: { reason: 'load' } });
    } else if (!isPaused && state === 'paused') {
      this.#process.kill('SIGCONT');
      this.#parts.store.emit(this.#id, { type: 'continued', data: {} });
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
    const { onMessage } = this.#ticket;
    this.#process = startJobProcess({ script, folder: this.#entry.folder, heapMegabytes, onMessage });
    this.#canPause = script === 'job-worker';
    this.setPaused(isPaused());
    if (this.#isStopping) this.kill();
    const { code, signal } = await this.#process.ended;
    this.#process = undefined;
    return `the process ended with ${signal ?? `code ${code}`}`;
  }

  async #train(isPaused: () => boolean): Promise<Outcome | { readonly died: string }> {
    const known = outcomeOf(this.#entry);
    if (known) return known;
    await writeOrder(this.#entry, this.#parts);
    const died = await this.#runProcess('job-worker', isPaused);
    const { failure } = this.#ticket;
    if (failure) throw new DualscaleError(failure.code, failure.message);
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
