/** Limits how many pictures are in memory, how many are processed, and how much work may wait. */
import { badOption, DualscaleError } from '../../../core/errors.ts';
import type { ServingModel } from '../../models/model-registry.ts';

export interface AdmissionOptions {
  /** Pictures decoded, enlarged and encoded at the same time, from 1. */
  readonly concurrency: number;
  /** Pictures that may wait besides, from 0. One more is refused with DS_BUSY. */
  readonly queueLimit: number;
  /**
   * Most work that may wait, in the unit of `Work.cost`, above 0. Work with a deadline that would
   * make it more is refused with DS_BUSY.
   */
  readonly queueCost: number;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Called after every change. Must not throw. */
  readonly onChange?: (load: Load) => void;
}

export interface Load {
  readonly running: number;
  readonly waiting: number;
  readonly waitingCost: number;
}

export interface Work {
  /** Giga multiply-accumulates or any other unit in which equal amounts take equal time. */
  readonly cost: number;
  /**
   * On the clock of `now`, read whenever it counts: it may move. Without one the work waits as long
   * as it takes.
   */
  readonly deadline?: number | undefined;
  readonly signal?: AbortSignal;
}

/** What is left of older work's weight at each finished piece: the last ten or so count. */
const DECAY = 0.9;

/** How fast work gets done, from the work that was done lately. */
class Throughput {
  readonly #now: () => number;
  #running = 0;
  #busySince = 0;
  #doneCost = 0;
  #busyMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Cost per millisecond of everything that runs together; undefined until something was finished.
   */
  get rate(): number | undefined {
    return this.#busyMs > 0 ? this.#doneCost / this.#busyMs : undefined;
  }

  /**
   * A piece of work starts; call the result with its cost when it is done, or with 0 when it ended
   * early.
   */
  start(): (cost: number) => void {
    if (this.#running === 0) this.#busySince = this.#now();
    this.#running += 1;
    return (cost) => {
      this.#running -= 1;
      // Work that was given up says nothing, and the time it took would make the rest look slow.
      if (cost === 0) return;
      const now = this.#now();
      this.#doneCost = this.#doneCost * DECAY + cost;
      this.#busyMs = this.#busyMs * DECAY + (now - this.#busySince);
      this.#busySince = now;
    };
  }
}

interface Waiting {
  readonly work: Work;
  readonly start: () => void;
  readonly refuse: (error: DualscaleError) => void;
}

/**
 * Encoding, in multiply-accumulates of a network: one core did about 50 giga of them in a second
 * and wrote 15 to 40 million pixels as JPEG or PNG. It matters for small networks only.
 */
const MACS_PER_OUTPUT_PIXEL = 2000;

/** Reading a head, starting a tile: about a millisecond. */
const FIXED_GIGAMACS = 0.05;

export interface CostedModel {
  readonly scale: number;
  readonly macsPerLrPixel: number;
}

/**
 * Giga multiply-accumulates of a picture with so many pixels: the unit in which the queue counts.
 */
export function workCost({ scale, macsPerLrPixel }: CostedModel, inputPixels: number): number {
  return FIXED_GIGAMACS + (inputPixels * (macsPerLrPixel + MACS_PER_OUTPUT_PIXEL * scale ** 2)) / 1e9;
}

/** What is needed of a `ServingModel`. */
export type ModelFacts = Pick<ServingModel, 'id' | 'scale'> & {
  readonly manifest: { readonly macs: { readonly perLrPixel: number } };
};

export function costOf({ scale, manifest }: ModelFacts, pixels: number): number {
  return workCost({ scale, macsPerLrPixel: manifest.macs.perLrPixel }, pixels);
}

function checkCount(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) throw badOption(name, `an integer from ${least}`, value);
}

const closing = () => new DualscaleError('DS_CLOSING', 'closing');

const busy = (message: string) => new DualscaleError('DS_BUSY', message);
const aborted = () => new DualscaleError('DS_ABORTED', 'aborted while waiting for a free slot');

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #throughput: Throughput;
  readonly #waiting = new Set<Waiting>();
  readonly #running = new Set<{ readonly cost: number; readonly since: number }>();
  readonly #onIdle: (() => void)[] = [];
  #reserved = 0;
  /** Slots in use; one that is handed over stays taken, so that nobody can slip in between. */
  #taken = 0;
  #waitingCost = 0;
  #isClosed = false;

  /** Throws DS_BAD_OPTION. */
  constructor(options: AdmissionOptions) {
    checkCount('concurrency', options.concurrency, 1);
    checkCount('queueLimit', options.queueLimit, 0);
    if (!(options.queueCost > 0)) throw badOption('queueCost', 'a number above 0', options.queueCost);
    this.#options = options;
    this.#throughput = new Throughput(options.now);
  }

  /**
   * Takes a slot for one picture in memory; throws DS_BUSY when all are taken, DS_CLOSING after
   * `close`. Call the result when its bytes are gone.
   */
  reserve(): () => void {
    const { concurrency, queueLimit } = this.#options;
    if (this.#isClosed) throw closing();
    if (this.#reserved >= concurrency + queueLimit) {
      const slots = concurrency + queueLimit;
      throw busy(`all ${slots} slots are taken (concurrency ${concurrency}, queueLimit ${queueLimit})`);
    }
    this.#reserved += 1;
    let held = true;
    return () => {
      if (held) this.#reserved -= 1;
      held = false;
    };
  }

  /**
   * Runs `task` when one of the `concurrency` slots is free, first come first served. Throws
   * DS_ABORTED if `signal` fires while it waits; DS_CLOSING after `close`; DS_BUSY when too much
   * work waits, or when it would not be done before its deadline at the rate of the latest work.
   */
  async run<T>(work: Work, task: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw closing();
    if (work.signal?.aborted) throw aborted();
    this.#checkTime(work);
    if (this.#taken < this.#options.concurrency) this.#taken += 1;
    else await this.#wait(work);
    const entry = { cost: work.cost, since: this.#options.now() };
    this.#running.add(entry);
    this.#changed();
    const done = this.#throughput.start();
    let doneCost = 0;
    try {
      const result = await task();
      doneCost = work.cost;
      return result;
    } finally {
      done(doneCost);
      this.#running.delete(entry);
      this.#handOver();
      this.#changed();
    }
  }

  /**
   * Milliseconds until work of this cost that came now would be done; 0 while nothing was finished
   * yet.
   */
  predictedMs(cost: number): number {
    const { rate } = this.#throughput;
    if (rate === undefined) return 0;
    const now = this.#options.now();
    let ahead = this.#waitingCost;
    const share = rate / Math.max(1, this.#running.size);
    // A tenth is left of what takes longer than expected: it may end any time, or not.
    for (const { cost: all, since } of this.#running) ahead += Math.max(all / 10, all - (now - since) * share);
    return (ahead + cost * this.#sharers()) / rate;
  }

  /** Whole seconds after which a refused client may find a free slot, 1 to 60. */
  retryAfterSeconds(): number {
    return Math.min(60, Math.max(1, Math.ceil(this.predictedMs(0) / 1000)));
  }

  /** Refuses what comes from now on. */
  close(): void {
    this.#isClosed = true;
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    if (this.#taken === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #checkTime({ cost, deadline }: Work): void {
    if (deadline === undefined) return;
    const { queueCost, now, concurrency } = this.#options;
    // One picture alone may cost more than the queue may hold: it is then the only one that waits.
    const isFull = this.#waiting.size > 0 && this.#waitingCost + cost > queueCost;
    if (isFull && this.#taken >= concurrency) {
      throw busy(`work of ${Math.round(this.#waitingCost)} waits, at most ${queueCost} may`);
    }
    const left = deadline - now();
    const predicted = this.predictedMs(cost);
    // With nothing ahead the forecast is about the picture alone; then it is tried.
    if (predicted > left && this.#running.size > 0) {
      throw busy(`it would take ${Math.round(predicted)} ms and has ${Math.round(left)}`);
    }
  }

  #wait(work: Work): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#forget(entry);
        reject(aborted());
      };
      const settled = (settle: () => void) => {
        work.signal?.removeEventListener('abort', leave);
        this.#forget(entry);
        settle();
      };
      const entry: Waiting = { work, start: () => settled(resolve), refuse: (error) => settled(() => reject(error)) };
      work.signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.add(entry);
      this.#waitingCost += work.cost;
      this.#changed();
    });
  }

  #forget(entry: Waiting): void {
    if (this.#waiting.delete(entry)) this.#waitingCost -= entry.work.cost;
    if (this.#waiting.size === 0) this.#waitingCost = 0;
    this.#changed();
  }

  /** Gives the slot of what has ended to the first that can still be in time. */
  #handOver(): void {
    for (const entry of this.#waiting) {
      if (this.#isTooLate(entry.work)) {
        entry.refuse(new DualscaleError('DS_DEADLINE', 'what is left of its time is too short for it'));
      } else {
        entry.start();
        return;
      }
    }
    this.#taken -= 1;
    if (this.#taken === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /** Work that cannot be done in time any more would only make the next late as well. */
  #isTooLate({ cost, deadline }: Work): boolean {
    const { rate } = this.#throughput;
    const ends = rate === undefined ? 0 : this.#options.now() + (cost * this.#sharers()) / rate;
    return deadline !== undefined && ends > deadline;
  }

  /** The rate is that of all slots together, and one more picture has its share of it. */
  #sharers(): number {
    return Math.min(this.#options.concurrency, this.#running.size + 1);
  }

  #changed(): void {
    const load = { running: this.#running.size, waiting: this.#waiting.size, waitingCost: this.#waitingCost };
    this.#options.onChange?.(load);
  }
}
