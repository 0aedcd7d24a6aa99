/** One attempt at a job, step by step: from what an earlier attempt left to a model in service. */
import { DualscaleError, ERRORS, type ErrorCode } from '../../core/errors.ts';
import { createMutex } from '../../core/mutex.ts';
import { requireFreeBytes } from '../data/disk-space.ts';
import { sweepTemporary } from '../data/leftovers.ts';
import { isFleeting } from '../events/event-log.ts';
import type { JobEventBody } from '../events/job-event.ts';
import { exists } from '../json-file.ts';
import type { JobResult } from './job.ts';
import type { JobEntry } from './job-entry.ts';
import { endOrphan, type JobProcess, type JobProcessOptions, killWithServer, startJobProcess } from './job-process.ts';
import type { ChildMessage, JobOutput } from './job-spec.ts';
import type { JobStore } from './job-store.ts';
import { ProgressMeter } from './progress-meter.ts';
import {
  readEvaluations,
  readOutput,
  rollOut,
  STAGES,
  type StageContext,
  writeEvaluationSpec,
  writeJobSpec,
} from './stages.ts';

/** A process of the job ended before it was done, for another reason than a mistake in the job: it is tried again. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied';
}

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

export class Attempt {
  readonly #entry: JobEntry;
  readonly #store: JobStore;
  readonly #context: StageContext;
  readonly #isPaused: () => boolean;
  readonly #stages: readonly string[];
  readonly #meter: ProgressMeter;
  /** What comes from the event loop is handled one thing after the other. */
  readonly #exclusive = createMutex();
  /** Why the attempt ends: what the process reported, or an event that must not be lost and could not be written. */
  #failure: Error | undefined;
  #process: JobProcess | undefined;
  /** What is measured must not be suspended meanwhile. */
  #canPause = false;
  #isSuspended = false;
  /** A suspended process is killed when the server ends. */
  #releaseGuard = () => {};
  #isStopping = false;
  #isRollingOut = false;
  #hasLostEvents = false;

  /** @param isPaused whether job processes are suspended now. */
  constructor(entry: JobEntry, store: JobStore, context: StageContext, isPaused: () => boolean) {
    this.#entry = entry;
    this.#store = store;
    this.#context = context;
    this.#isPaused = isPaused;
    const shares = STAGES[entry.record.request.type];
    this.#stages = Object.keys(shares);
    this.#meter = new ProgressMeter(shares, () => entry.view, context.now);
  }

  /**
   * Throws ProcessDied, errors of storage (see `storageCode`) for what waits until somebody has repaired the disk, and
   * other errors for what no repetition mends.
   */
  async run(): Promise<JobResult> {
    const { directory, cancel, work } = this.#entry.folder;
    if (!(await endOrphan(this.#entry.folder))) {
      throw new ProcessDied('the process of an earlier attempt does not end');
    }
    await sweepTemporary(work);
    if (await exists(cancel)) throw new ProcessDied('the job is cancelled');
    // A job that waits for room has not begun. What is made already needs next to none.
    if (!(await readOutput(this.#entry, this.#context))) {
      await requireFreeBytes(directory, this.#context.options.minFreeBytes);
    }
    await this.#begin();
    const output = await this.#train();
    await this.#evaluate(output);
    this.#isRollingOut = true;
    if (this.#isStopping || (await exists(cancel))) throw new ProcessDied('it was asked to stop');
    await this.#enter('publish');
    return rollOut(this.#entry, output, this.#context, (body) => this.#emit(body));
  }

  /** From here on the job cannot be cancelled. */
  get isRollingOut(): boolean {
    return this.#isRollingOut;
  }

  /** Suspends the process, or lets it continue. Systems without such signals let it run. */
  setPaused(isPaused: boolean): void {
    const child = this.#process;
    if (!child || !this.#canPause || isPaused === this.#isSuspended || process.platform === 'win32') return;
    this.#isSuspended = isPaused;
    if (isPaused) {
      this.#releaseGuard = killWithServer(child.pid);
      child.kill('SIGSTOP');
      this.#handle(() => this.#emit({ type: 'paused', data: { reason: 'load' } }));
    } else {
      child.kill('SIGCONT');
      this.#releaseGuard();
      this.#handle(() => this.#emit({ type: 'continued', data: {} }));
    }
  }

  /** Asks for a checkpoint and an end. */
  stop(): void {
    this.#isStopping = true;
    this.#process?.kill('SIGCONT');
    this.#process?.send({ type: 'stop' });
  }

  /** Nothing further is begun. */
  preventRollOut(): void {
    this.#isStopping = true;
  }

  kill(): void {
    this.#isStopping = true;
    this.#process?.kill('SIGKILL');
  }

  async #begin(): Promise<void> {
    const { record, view } = this.#entry;
    const attempt = view.attempts + 1;
    const { stage, step } = view.progress;
    const isResumed = this.#entry.has('started');
    await this.#store.emit(
      record.id,
      isResumed
        ? { type: 'resumed', data: { attempt, stage, step } }
        : { type: 'started', data: { attempt, stages: this.#stages } },
    );
  }

  async #train(): Promise<JobOutput> {
    const known = await readOutput(this.#entry, this.#context);
    if (known) return known;
    await writeJobSpec(this.#entry, this.#context);
    const end = await this.#runProcess('job-worker');
    const output = await readOutput(this.#entry, this.#context);
    if (!output) throw new ProcessDied(end);
    return output;
  }

  async #evaluate(output: JobOutput): Promise<void> {
    if (await readEvaluations(this.#entry, this.#context)) return;
    await this.#enter('evaluate');
    await writeEvaluationSpec(this.#entry, output, this.#context);
    const end = await this.#runProcess('evaluate-worker');
    if (!(await readEvaluations(this.#entry, this.#context))) throw new ProcessDied(end);
  }

  /** Gives how it ended, in words. Throws what it reported as a failure. */
  async #runProcess(script: JobProcessOptions['script']): Promise<string> {
    const child = await startJobProcess({
      script,
      folder: this.#entry.folder,
      heapMegabytes: this.#context.options.heapMegabytes,
      onMessage: (message) => this.#handle(() => this.#receive(message)),
    });
    this.#process = child;
    this.#isSuspended = false;
    this.#canPause = script === 'job-worker';
    this.setPaused(this.#isPaused());
    if (this.#isStopping) this.kill();
    const { code, signal } = await child.ended;
    this.#releaseGuard();
    this.#process = undefined;
    // What it said last may not be handled yet.
    await this.#exclusive(async () => {});
    if (this.#failure) throw this.#failure;
    return `the process ended with ${signal ?? `code ${code}`}`;
  }

  /** Nobody would catch an error of what comes from the event loop: it ends the process instead, and the attempt with it. */
  #handle(task: () => Promise<void>): void {
    void this.#exclusive(async () => {
      try {
        await task();
      } catch (error) {
        this.#failure ??= toError(error);
        this.#process?.kill('SIGKILL');
      }
    });
  }

  async #receive(message: ChildMessage): Promise<void> {
    switch (message.type) {
      case 'stage':
        return this.#enter(message.stage, message.steps);
      case 'step': {
        const data = this.#meter.step(message);
        if (data) await this.#emit({ type: 'progress', data });
        return;
      }
      case 'event':
        return this.#emit(message.body);
      case 'failed': {
        const code = message.code in ERRORS ? (message.code as ErrorCode) : 'DS_JOB_FAILED';
        this.#failure ??= new DualscaleError(code, message.message);
        return;
      }
      case 'blocked':
        this.#failure ??= new DualscaleError('DS_NO_SPACE', message.message);
        return;
      case 'done':
        return;
    }
  }

  async #enter(stage: string, steps = 0): Promise<void> {
    this.#meter.enter(stage);
    const index = this.#stages.indexOf(stage);
    // A resumed job enters again the stages it has been through.
    if (index <= this.#stages.indexOf(this.#entry.view.progress.stage ?? '')) return;
    await this.#emit({ type: 'stage', data: { stage, index, count: this.#stages.length, steps } });
  }

  /** Fleeting events are dropped while the disk is full; for others the error is thrown. */
  async #emit(body: JobEventBody): Promise<void> {
    const { id } = this.#entry.record;
    try {
      await this.#store.emit(id, body);
    } catch (error) {
      if (!isFleeting(body.type)) throw error;
      if (!this.#hasLostEvents) {
        this.#context.options.logger.warn(`job ${id}: ${body.type} is not noted down: ${String(error)}`);
      }
      this.#hasLostEvents = true;
    }
  }
}
