import { expect, test } from 'vitest';
import { runJobsStart, type StartFlags } from '../../src/cli/commands/jobs.ts';

/** Nobody listens there: what is wrong must be said before the server is asked. */
const FLAGS: StartFlags = { server: 'http://127.0.0.1:9', model: 'm', budget: 'quick', publish: 'manual' };
const size = { width: 64, height: 48 };

test.each([
  [{ ratio: 0.5, macs: 5 }, 'expected `--ratio` to be used without --macs, got `0.5`'],
  [{ latency: 20, macs: 5 }, 'expected `--latency` to be used without --macs, got `20`'],
  [{ latency: 20, ratio: 0.5, macs: 5 }, 'expected `--latency` to be used without --ratio and --macs, got `20`'],
  [{ ratio: 0.5, percentile: 90 }, 'expected `--percentile` to be used with --latency, got `90`'],
  [{ ratio: 0.5, size }, 'expected `--size` to be used with --latency, got `64x48`'],
  [{ size, percentile: 90 }, 'expected `--size` to be used with --latency, got `64x48`'],
])('%j is refused by the name of what was given', async (target, message) => {
  await expect(runJobsStart('compress', { ...FLAGS, ...target })).rejects.toMatchObject({
    code: 'DS_BAD_OPTION',
    message,
  });
});
