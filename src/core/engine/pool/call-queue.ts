/**
 * The calls that wait for workers. They take turns, so that a small picture does not wait for all
 * tiles of a large one.
 */
import type { DualscaleError } from '../../errors.ts';
import type { TileDifference, TileOutcome, TileTask } from '../tile/tile-task.ts';

export const NO_DIFFERENCE: TileDifference = { sum: 0, count: 0 };

/** One picture's tiles, and the promise of their end. */
export class Call {
  readonly pending: TileTask[];
  readonly result: Promise<TileDifference>;
  /** Nobody waits for it any more. */
  isOver = false;
  #unfinished: number;
  #difference = NO_DIFFERENCE;
  #resolve!: (difference: TileDifference) => void;
  #reject!: (error: DualscaleError) => void;

  constructor(tasks: TileTask[]) {
    this.pending = tasks;
    this.#unfinished = tasks.length;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  tileDone({ difference = NO_DIFFERENCE }: Extract<TileOutcome, { ok: true }>): void {
    const { sum, count } = this.#difference;
    this.#difference = { sum: sum + difference.sum, count: count + difference.count };
    this.#unfinished -= 1;
    if (this.#unfinished === 0) this.#resolve(this.#difference);
  }

  fail(error: DualscaleError): void {
    this.isOver = true;
    this.#reject(error);
  }
}

export interface Turn {
  readonly call: Call;
  readonly task: TileTask;
}

export class CallQueue {
  readonly calls: Call[] = [];
  readonly #retried = new WeakSet<TileTask>();

  /** The call whose turn it is with its next tile, or undefined when nothing waits. */
  next(): Turn | undefined {
    const call = this.calls.shift();
    const task = call?.pending.shift();
    if (!(call && task)) return undefined;
    if (call.pending.length > 0) this.calls.push(call);
    return { call, task };
  }

  /**
   * Puts a tile first again when its worker has died, unless nobody waits for it. False the second
   * time.
   */
  retry({ call, task }: Turn): boolean {
    if (this.#retried.has(task)) return false;
    this.#retried.add(task);
    if (call.isOver) return true;
    call.pending.unshift(task);
    if (!this.calls.includes(call)) this.calls.unshift(call);
    return true;
  }

  /** Drops the tiles of a call that have not started, and rejects it. */
  fail(call: Call, error: DualscaleError): void {
    call.pending.length = 0;
    const index = this.calls.indexOf(call);
    if (index >= 0) this.calls.splice(index, 1);
    call.fail(error);
  }
}
