/** Progress on stderr: a bar on a terminal, a line now and then elsewhere. */
import { SingleBar } from 'cli-progress';

const LINE_EVERY_MS = 15_000;

/** Shows one task at a time. */
export class Progress {
  readonly #now: () => number;
  #task = '';
  #bar: SingleBar | undefined;
  #lineAt = 0;
  #unprinted: string | undefined;

  /** @param now milliseconds of a clock. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** A task with another name or total ends the one before. `note` stands behind the numbers. */
  update(name: string, done: number, total: number, note = ''): void {
    if (this.#task !== `${name} ${total}`) {
      this.stop();
      this.#start(name, done, total);
    }
    if (this.#bar) this.#bar.update(done, { note });
    else this.#printNowAndThen(`${name} ${done}/${total} ${note}`.trimEnd());
  }

  /** Prints a message above the bar. */
  say(message: string): void {
    // The bar draws itself again on the next line when it is updated.
    if (this.#bar) process.stderr.write(`\r\u001b[K${message}\n`);
    else console.error(message);
  }

  /** May be called more than once. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    if (this.#unprinted !== undefined) console.error(this.#unprinted);
    this.#unprinted = undefined;
    this.#task = '';
  }

  #start(name: string, done: number, total: number): void {
    this.#task = `${name} ${total}`;
    this.#lineAt = this.#now();
    if (!process.stderr.isTTY) return;
    const format = `${name} {bar} {value}/{total} {note}`;
    this.#bar = new SingleBar({ format, stream: process.stderr, hideCursor: true });
    this.#bar.start(total, done, { note: '' });
  }

  #printNowAndThen(line: string): void {
    this.#unprinted = line;
    if (this.#now() - this.#lineAt < LINE_EVERY_MS) return;
    console.error(line);
    this.#lineAt = this.#now();
    this.#unprinted = undefined;
  }
}

export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-';
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${Math.floor(seconds) % 60} s` : `${Math.floor(seconds)} s`;
}
