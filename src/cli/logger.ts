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

/** For commands whose user asked for a result, not for how it came about. */
export const quietLogger: DualscaleLogger = { ...consoleLogger, info: () => {} };
