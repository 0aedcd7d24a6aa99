#!/usr/bin/env node
/** `dualscale`: exit code 0 when it did what was asked, 1 when it failed, 2 when what was asked makes no sense. */
import { createProgram } from './program.ts';
import { reportError } from './report-error.ts';

// `dualscale models | head -1` closes the pipe early, which is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
