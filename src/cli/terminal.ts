/** What the commands share of a terminal: loggers, tables and signals. */
import { constants } from 'node:os';
import type { DualscaleLogger } from '../server/options.ts';

/** One line per message on stderr: stdout is for results. */
export const consoleLogger: DualscaleLogger = {
  info: (message) => console.error(message),
  warn: (message) => console.error(`warning: ${message}`),
  error(message, error) {
    const reason = error instanceof Error ? (process.env['DUALSCALE_DEBUG'] ? error.stack : error.message) : error;
    console.error(reason === undefined ? `error: ${message}` : `error: ${message}: ${reason}`);
  },
};

/** Leaves out which execution provider was chosen and the like. */
export const quietLogger: DualscaleLogger = { ...consoleLogger, info: () => {} };

/** Prints columns two spaces apart, numbers aligned to the right. */
export function printTable(titles: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const lines = [titles, ...rows].map((row) => row.map(String));
  const widths = titles.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const isNumeric = titles.map((_, i) =>
    lines.slice(1).every((line) => /^$|^-$|^[\d.]+( \w)?$|^\d+x\d+$/.test(line[i])),
  );
  for (const line of lines) {
    const cells = line.map((cell, i) => (isNumeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])));
    console.log(cells.join('  ').trimEnd());
  }
}

export const printJson = (value: unknown): void => console.log(JSON.stringify(value, null, 2));

export interface StopOnSignal {
  readonly signal: AbortSignal;
  /** 128 + the signal's number, as shells report it; 0 when none came. */
  exitCode(): number;
  remove(): void;
}

/** The first SIGINT or SIGTERM prints `message` and aborts `signal`; the second ends the process. */
export function stopOnSignal(message: string): StopOnSignal {
  const controller = new AbortController();
  let code = 0;
  const onSignal = (name: 'SIGINT' | 'SIGTERM'): void => {
    code = 128 + constants.signals[name];
    if (controller.signal.aborted) process.exit(code);
    controller.abort();
    console.error(`\n${message}`);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    exitCode: () => code,
    remove: () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal),
  };
}

/** The first SIGINT or SIGTERM closes the server in peace; the second ends the process. */
export function closeOnSignal(server: { close(): Promise<void> }): void {
  const { signal } = stopOnSignal('closing: open requests may end');
  signal.addEventListener('abort', () => {
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        consoleLogger.error('closing failed', error);
        process.exit(1);
      },
    );
  });
}
