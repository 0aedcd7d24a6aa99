#!/usr/bin/env node
/** `dualscale`: exit code 0 on success, 1 on failure, 2 on bad usage. */
import { createProgram, reportError } from './program.ts';

// `dualscale models | head -1` closes the pipe early: that is not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
