import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createEventLog } from '../../src/jobs/events/event-log.ts';
import type { JobRequest } from '../../src/jobs/queue/job.ts';
import { createJobStore } from '../../src/jobs/queue/job-store.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dualscale-store-'));
});
afterEach(() => rm(directory, { recursive: true }));

const REQUEST: JobRequest = {
  type: 'finetune',
  model: 'nearest-x2',
  data: { folders: ['photos'] },
  budget: 'quick',
  maxPsnrDropDb: 0,
  publish: 'manual',
};

function open(keepJobs: number) {
  const clock = { ms: Date.UTC(2026, 0, 1) };
  const now = () => clock.ms;
  const log = createEventLog({ now });
  return { clock, log, store: createJobStore({ directory, log, now, keepJobs, warn: () => {} }) };
}

test('the job that ended first is forgotten first, not the one that was asked for first', () => {
  const { clock, log, store } = open(1);
  const [old, young] = [store.create(REQUEST), store.create(REQUEST)].map(({ record }) => record.id);
  for (const id of [young, old]) {
    clock.ms += 1000;
    store.emit(id, { type: 'cancelled', data: {} });
  }
  store.create(REQUEST);
  expect([store.get(old)?.record.id, store.get(young)]).toEqual([old, undefined]);
  log.close();
});

test('jobs of the same millisecond keep their order, also over a restart', () => {
  const first = open(100);
  const ids = Array.from({ length: 8 }, () => first.store.create(REQUEST).record.id).toReversed();
  expect(first.store.list().map(({ record }) => record.id)).toEqual(ids);
  first.log.close();
  const second = open(100);
  expect(second.store.list().map(({ record }) => record.id)).toEqual(ids);
  second.log.close();
});
