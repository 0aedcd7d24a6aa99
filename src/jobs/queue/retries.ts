/** When a job that was interrupted is tried again, and how often it was. */

/** After a process died the next try waits, longer each time: what killed it may be short of memory still. */
const CRASH_MS = [0, 250, 1000, 5000, 30_000];
/** While the disk does not take what a job writes: a person must see to it. */
const BLOCK_MS = [1000, 5000, 15_000, 60_000];

interface Block {
  readonly count: number;
  /** Codes that were reported. */
  readonly reported: Set<string>;
}

const delayOf = (table: readonly number[], count: number): number => table[Math.min(count, table.length) - 1] as number;

export class Retries {
  readonly #now: () => number;
  /** Starts without progress, one after the other, by job. */
  readonly #crashes = new Map<string, number>();
  readonly #blocks = new Map<string, Block>();
  readonly #until = new Map<string, number>();

  /** @param now milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Milliseconds until its next try; 0 or less when that is due. */
  delay(id: string): number {
    return (this.#until.get(id) ?? 0) - this.#now();
  }

  /** Its process died. Gives how often that has happened without progress. */
  crashed(id: string, hasProgressed: boolean): number {
    const count = hasProgressed ? 1 : (this.#crashes.get(id) ?? 0) + 1;
    this.#crashes.set(id, count);
    this.#blocks.delete(id);
    this.#until.set(id, this.#now() + delayOf(CRASH_MS, count));
    return count;
  }

  /** The disk stopped it. Gives the codes reported since it last made progress: add new ones. */
  blocked(id: string, hasProgressed = false): Set<string> {
    const known = hasProgressed ? undefined : this.#blocks.get(id);
    const block = { count: (known?.count ?? 0) + 1, reported: known?.reported ?? new Set<string>() };
    this.#blocks.set(id, block);
    this.#until.set(id, this.#now() + delayOf(BLOCK_MS, block.count));
    return block.reported;
  }

  forget(id: string): void {
    for (const map of [this.#crashes, this.#blocks, this.#until]) map.delete(id);
  }
}
