import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EventLog } from '../../../src/jobs/events/event-log.ts';
import type { JobRequest } from '../../../src/jobs/queue/job.ts';
import { JobStore } from '../../../src/jobs/queue/job-store.ts';

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

async function open(keepJobs: number) {
  const clock = { ms: Date.UTC(2026, 0, 1) };
  const now = () => clock.ms;
  const log = new EventLog({ now });
  return { clock, log, store: await JobStore.open({ directory, log, now, keepJobs, warn: () => {} }) };
}

test('the job that ended first is forgotten first, not the one that was asked for first', async () => {
  const { clock, log, store } = await open(1);
  const { id: old } = (await store.create(REQUEST)).record;
  const { id: young } = (await store.create(REQUEST)).record;
  for (const id of [young, old]) {
    clock.ms += 1000;
    await store.emit(id, { type: 'cancelled', data: {} });
  }
  await store.create(REQUEST);
  expect([store.get(old)?.record.id, store.get(young)]).toEqual([old, undefined]);
  await log.close();
});

test('jobs of the same millisecond keep their order, also over a restart', async () => {
  const first = await open(100);
  const ids: string[] = [];
  for (let i = 0; i < 8; i++) ids.unshift((await first.store.create(REQUEST)).record.id);
  expect(first.store.list().map(({ record }) => record.id)).toEqual(ids);
  await first.log.close();
  const second = await open(100);
  expect(second.store.list().map(({ record }) => record.id)).toEqual(ids);
  await second.log.close();
});
