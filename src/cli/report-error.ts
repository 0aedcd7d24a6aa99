import { CommanderError } from 'commander';
import { DualscaleError } from '../core/errors.ts';

/** Says on stderr what went wrong, in one line, and gives the exit code. DUALSCALE_DEBUG shows the stack. */
export function reportError(error: unknown): 0 | 1 | 2 {
  // Commander has printed its message already; its errors are help and version (0) or bad usage.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  console.error(`error: ${message}`);
  if (process.env['DUALSCALE_DEBUG']) console.error(stack);
  return error instanceof DualscaleError && error.code === 'DS_BAD_OPTION' ? 2 : 1;
}
