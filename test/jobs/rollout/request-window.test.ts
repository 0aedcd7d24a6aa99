import { describe, expect, test } from 'vitest';
import { percentile } from '../../../src/core/measure/percentile.ts';
import { createRequestWindow } from '../../../src/jobs/rollout/request-window.ts';

/** A window with a clock that stands still until it is moved. */
function createCase() {
  let time = 5_000_250;
  const window = createRequestWindow(() => time);
  return {
    ...window,
    wait(seconds: number) {
      time += 1000 * seconds;
    },
  };
}

describe('the requests of the last minute', () => {
  test('are none at first, and have no percentiles then', () => {
    expect(createCase().summary()).toEqual({
      requests: 0,
      errors: 0,
      failed: 0,
      busy: 0,
      rejected: 0,
      p50Ms: null,
      p95Ms: null,
    });
  });

  test('count whatever became of them; errors are what a client saw fail', () => {
    const { record, summary } = createCase();
    for (const outcome of ['upscaled', 'cached', 'not-modified', 'head', 'skipped', 'passed', 'aborted', 'passthrough'])
      record({ outcome, milliseconds: 1 });
    for (const outcome of ['failed', 'busy', 'busy', 'rejected', 'rejected', 'rejected']) record({ outcome });
    expect(summary()).toMatchObject({ requests: 14, errors: 6, failed: 1, busy: 2, rejected: 3 });
  });

  test('are timed by those that got an enlarged picture', () => {
    const { record, summary } = createCase();
    record({ outcome: 'upscaled', milliseconds: 7240 });
    for (const outcome of ['busy', 'rejected', 'not-modified', 'aborted']) record({ outcome, milliseconds: 2 });
    const { p50Ms, p95Ms } = summary();
    for (const value of [p50Ms, p95Ms]) expect(Math.abs((value as number) / 7240 - 1)).toBeLessThan(0.01);
  });

  test('are forgotten after a minute, one second after the other', () => {
    const { record, summary, wait } = createCase();
    record({ outcome: 'busy' });
    wait(30);
    record({ outcome: 'cached', milliseconds: 3 });
    expect(summary()).toMatchObject({ requests: 2, errors: 1 });
    wait(29);
    expect(summary()).toMatchObject({ requests: 2, errors: 1 });
    wait(1);
    expect(summary()).toMatchObject({ requests: 1, errors: 0 });
    wait(30);
    expect(summary()).toMatchObject({ requests: 0, p50Ms: null });
    wait(3600);
    record({ outcome: 'rejected' });
    expect(summary()).toMatchObject({ requests: 1, rejected: 1, p50Ms: null });
  });

  test('are all counted however many there are, and percentiles stay within a hundredth', () => {
    const { record, summary, wait } = createCase();
    const times: number[] = [];
    let state = 1;
    for (let i = 0; i < 200_000; i++) {
      state = (state * 16_807) % 2_147_483_647;
      // From a hundredth of a millisecond to a minute.
      const milliseconds = 0.01 * 6e6 ** (state / 2_147_483_647);
      times.push(milliseconds);
      record({ outcome: i % 2 === 0 ? 'upscaled' : 'cached', milliseconds });
      if (i % 4000 === 3999) wait(1);
    }
    const { requests, p50Ms, p95Ms } = summary();
    expect(requests).toBe(times.length);
    expect(Math.abs((p50Ms as number) / percentile(times, 50) - 1)).toBeLessThan(0.01);
    expect(Math.abs((p95Ms as number) / percentile(times, 95) - 1)).toBeLessThan(0.01);
  });

  test('may take no time at all, or longer than there is room for', () => {
    const { record, summary } = createCase();
    record({ outcome: 'cached', milliseconds: 0 });
    expect(summary().p95Ms).toBeLessThan(0.02);
    for (let i = 0; i < 9; i++) record({ outcome: 'upscaled', milliseconds: 1e9 });
    expect(summary().p50Ms).toBeGreaterThan(500_000);
  });
});
