import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobView } from '../../../src/jobs/queue/job.ts';
import { encoder } from '../../helpers/http-host.ts';
import { createJobsFolder, FINETUNE, type JobsBox, type JobsFolder, openJobsBox } from '../jobs-box.ts';

let folder: JobsFolder;
let box: JobsBox;
beforeAll(async () => {
  folder = await createJobsFolder();
  box = await openJobsBox(folder, { jobs: { pauseAboveLoad: 0.02, nice: 5 } });
});
afterAll(async () => {
  await box.close();
  await folder.remove();
});

const statusOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];

test.skipIf(process.platform !== 'linux')(
  'a job runs at its low priority, stands still while pictures are made, goes on after, and survives a restart (Linux only)',
  async () => {
    const body = { ...FINETUNE, budget: { steps: 1_000_000 } };
    const { id } = (await (await box.post('/jobs', body)).json()) as JobView;
    await box.waitFor(id, ({ progress }) => progress.stage === 'train' && progress.step > 0);
    const pid = Number(readFileSync(join(folder.dir, 'jobs', id, 'pid'), 'utf8'));
    // Field 19 of proc(5), counted from the state, which is the third.
    expect(statusOf(pid)[16]).toBe('5');

    let isLoaded = true;
    const load = (async () => {
      for (let i = 0; isLoaded; i++)
        await box.dualscale.upscale(
          await encoder(64 + (i % 50), 64)
            .png()
            .toBuffer(),
        );
    })();
    await box.waitFor(id, ({ state }) => state === 'paused');
    // A busy process stops a moment after it was told to.
    await expect.poll(() => statusOf(pid)[0], { timeout: 20_000 }).toBe('T');
    isLoaded = false;
    await load;
    await box.waitFor(id, ({ state }) => state === 'running');
    await expect.poll(() => statusOf(pid)[0], { timeout: 20_000 }).not.toBe('T');

    await box.close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    box = await openJobsBox(folder);
    const { step } = (await box.getJob(id)).progress;
    await box.waitFor(id, ({ progress, attempts }) => attempts === 2 && progress.step > step);
    await box.post(`/jobs/${id}/cancel`);
    await sleep(50);
    const types = (await box.events(id)).map(({ type }) => type).filter((type) => type !== 'progress');
    expect(types).toEqual(expect.arrayContaining(['paused', 'continued', 'interrupted', 'resumed', 'cancelled']));
    expect(types.at(-1)).toBe('cancelled');
  },
  240_000,
);
