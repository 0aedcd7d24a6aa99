/** Progress on stderr: a bar on a terminal, now and then a line elsewhere. */
import { SingleBar } from 'cli-progress';

export interface Progress {
  /** `note` stands behind the numbers. */
  update(done: number, note?: string): void;
  /** A message of its own, above the bar. */
  say(message: string): void;
  /** May be called more than once. */
  stop(): void;
}

const LINE_EVERY_MS = 15_000;

function createLines(name: string, total: number, now: () => number): Progress {
  let last = now();
  let final: string | undefined;
  const line = (done: number, note: string) => `${name} ${done}/${total} ${note}`.trimEnd();
  return {
    update(done, note = '') {
      final = line(done, note);
      if (now() - last < LINE_EVERY_MS) return;
      console.error(final);
      last = now();
      final = undefined;
    },
    say: (message) => console.error(message),
    stop() {
      if (final !== undefined) console.error(final);
      final = undefined;
    },
  };
}

/** @param done where it starts. */
export function createProgress(name: string, total: number, done = 0, now: () => number = Date.now): Progress {
  if (!process.stderr.isTTY) return createLines(name, total, now);
  const bar = new SingleBar({
    format: `${name} {bar} {value}/{total} {note}`,
    stream: process.stderr,
    hideCursor: true,
  });
  bar.start(total, done, { note: '' });
  return {
    update: (value, note = '') => bar.update(value, { note }),
    say(message) {
      // The bar draws itself anew on the next line at its next turn.
      process.stderr.write(`\r\u001b[K${message}\n`);
    },
    stop: () => bar.stop(),
  };
}
