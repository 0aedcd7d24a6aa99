/** Disks that are full or read-only: jobs wait and say so, nothing that was made is lost, and the server goes on. */
import { cpSync, existsSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadModel } from '../../../src/core/models/load.ts';
import type { JobView } from '../../../src/jobs/queue/job.ts';
import type { JobOutput } from '../../../src/jobs/queue/job-spec.ts';
import { encoder } from '../../helpers/http-host.ts';
import { mountSmallDisk, type SmallDisk } from '../../helpers/small-disk.ts';
import { createJobsFolder, FINETUNE, hasEnded, type JobsBox, type JobsFolder, openJobsBox } from '../jobs-box.ts';

const probe = mountSmallDisk(1);
probe?.remove();
const canMount = probe !== undefined;

let folder: JobsFolder;
let disk: SmallDisk | undefined;
let box: JobsBox | undefined;
let warnings: string[];
const say = (message: string) => void warnings.push(message);
const logger = { info: () => {}, warn: say, error: (message: string, error?: unknown) => say(`${message}: ${error}`) };
beforeEach(async () => {
  warnings = [];
  folder = await createJobsFolder();
});
afterEach(async () => {
  disk?.setReadOnly(false);
  disk?.free();
  await box?.close();
  disk?.remove();
  [box, disk] = [undefined, undefined];
  await folder.remove();
});

const AUTO = { ...FINETUNE, maxPsnrDropDb: 50, publish: 'auto' } as const;
const isTraining = ({ progress }: JobView) => progress.stage === 'train' && progress.step > 0;
const start = async (body: object) => (await (await (box as JobsBox).post('/jobs', body)).json()) as JobView;
const workOf = (id: string) => join(folder.dir, 'jobs', id, 'work');

/** A job whose folder of models lies on a disk of 4 MiB. */
async function startOnSmallModels() {
  const small = mountSmallDisk(4) as SmallDisk;
  disk = small;
  cpSync(folder.modelsDir, small.directory, { recursive: true });
  folder = { ...folder, modelsDir: small.directory };
  box = await openJobsBox(folder, { jobs: { logger } });
  return { disk: small, box, id: (await start(AUTO)).id };
}

async function expectWhole(id: string) {
  const events = await (box as JobsBox).events(id);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  return events;
}

test.skipIf(!canMount)(
  'a disk that fills while a job runs ends neither job nor server; the job goes on when there is room (may mount)',
  async () => {
    disk = mountSmallDisk(16) as SmallDisk;
    folder = { ...folder, dir: join(disk.directory, 'jobs') };
    box = await openJobsBox(folder, { jobs: { logger } });
    const { id } = await start({ ...AUTO, budget: { steps: 300 } });
    await box.waitFor(id, isTraining);
    disk.fill();
    await expect.poll(() => warnings.join('\n'), { timeout: 60_000 }).toContain(`job ${id} waits: Error: ENOSPC`);
    expect(hasEnded(await box.getJob(id))).toBe(false);
    disk.free();
    expect(await box.waitFor(id, hasEnded)).toMatchObject({ state: 'succeeded', error: null });
    await expectWhole(id);
  },
  240_000,
);

test.skipIf(!canMount)(
  'events that do not go on the disk are lost when they are progress, and end the process when they are more (may mount)',
  async () => {
    disk = mountSmallDisk(16) as SmallDisk;
    const work = mkdtempSync(join(folder.directory, 'work-'));
    folder = { ...folder, dir: join(disk.directory, 'jobs') };
    box = await openJobsBox(folder, { jobs: { logger, pauseAboveLoad: 0.02 } });
    const { id: first } = await start({ ...AUTO, budget: { steps: 100_000 } });
    const { id } = await start({ ...AUTO, budget: { steps: 100_000 } });
    // What the job's process writes lies elsewhere: only the events meet the full disk.
    symlinkSync(work, workOf(id));
    await box.post(`/jobs/${first}/cancel`);
    await box.waitFor(id, isTraining);
    disk.fill();
    const lost = new RegExp(`job ${id}: (progress|validation) is not noted down: Error: ENOSPC`);
    await expect.poll(() => warnings.join('\n'), { timeout: 60_000 }).toMatch(lost);
    expect(warnings.join('\n')).not.toContain(`job ${id} waits`);
    const pid = Number(readFileSync(join(folder.dir, 'jobs', id, 'pid'), 'utf8'));
    // A pause must not be lost: its process would stand still for ever.
    const { dualscale, getJob } = box;
    let width = 64;
    // How many pictures are a load depends on how quick the machine is. A pause is shorter than the progress that found no room: what is left of
    // the journal's last page may take it. Then the load ends, the job goes on, and the next pause meets a fuller page.
    const serveAndListen = async () => {
      if ((await getJob(id)).state !== 'paused') await dualscale.upscale(await encoder(width++, 256).png().toBuffer());
      return warnings.join('\n');
    };
    await expect.poll(serveAndListen, { timeout: 60_000, interval: 5 }).toContain(`job ${id} waits: ENOSPC`);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(warnings.filter((text) => lost.test(text))).toHaveLength(1);
    disk.free();
    await box.waitFor(id, ({ attempts, progress }) => attempts > 1 && progress.step > 0);
    await box.post(`/jobs/${id}/cancel`);
    await expectWhole(id);
  },
  240_000,
);

test('a listener that throws harms neither the job nor the other listeners', async () => {
  box = await openJobsBox(folder, { jobs: { logger } });
  const heard: string[] = [];
  box.jobs.listen(() => {
    throw new Error('the listener is broken');
  });
  box.jobs.listen(({ type }) => void heard.push(type));
  const { id } = await start(AUTO);
  expect((await box.waitFor(id, hasEnded)).state).toBe('succeeded');
  expect(heard).toEqual(expect.arrayContaining(['queued', 'progress', 'succeeded']));
  expect(warnings.filter((text) => text.includes('the listener is broken'))).toHaveLength(1);
}, 120_000);

test('without the free space that is asked for, jobs wait over a restart with all they have', async () => {
  box = await openJobsBox(folder, { jobs: { logger } });
  const { id } = await start({ ...AUTO, budget: { steps: 300 } });
  await box.waitFor(id, isTraining);
  const { id: second } = await start({ ...AUTO, budget: { steps: 5 } });
  await box.close();
  box = await openJobsBox(folder, { jobs: { logger, minFreeBytes: Number.MAX_SAFE_INTEGER } });
  await expect.poll(() => warnings.join('\n'), { timeout: 30_000 }).toContain(`job ${second} waits`);
  await sleep(1500);
  for (const one of [id, second]) {
    expect(await box.getJob(one)).toMatchObject({ state: 'queued', error: null });
    const notes = (await expectWhole(one)).filter(({ type }) => type === 'note');
    expect(notes.filter(({ data }) => 'message' in data && data.message.includes('are needed'))).toHaveLength(1);
  }
  expect(existsSync(workOf(id))).toBe(true);
  await box.close();
  box = await openJobsBox(folder, { jobs: { logger } });
  for (const one of [id, second]) expect((await box.waitFor(one, hasEnded)).state).toBe('succeeded');
}, 240_000);

test.skipIf(!canMount)(
  'a model that passed waits until the folder of models takes it (may mount)',
  async () => {
    const { disk, box, id } = await startOnSmallModels();
    disk.fill();
    disk.setReadOnly(true);
    await expect.poll(() => warnings.join('\n'), { timeout: 60_000 }).toContain('EROFS');
    expect(hasEnded(await box.getJob(id))).toBe(false);
    expect(existsSync(join(workOf(id), 'output.json'))).toBe(true);
    disk.setReadOnly(false);
    await expect.poll(() => warnings.join('\n'), { timeout: 60_000 }).toContain('ENOSPC');
    disk.free();
    const job = await box.waitFor(id, hasEnded);
    expect(job).toMatchObject({ state: 'succeeded', result: { published: true, activated: true } });
    const events = await expectWhole(id);
    expect(events.filter(({ type }) => type === 'verdict')).toHaveLength(1);
    const notes = events.flatMap((event) => (event.type === 'note' ? [event.data.message] : []));
    expect(notes.join('\n')).toContain('EROFS');
  },
  240_000,
);

test.skipIf(!canMount)(
  'a job that waits for the folder of models can be cancelled (may mount)',
  async () => {
    const { disk, box, id } = await startOnSmallModels();
    disk.setReadOnly(true);
    const isBlocked = async () => (await expectWhole(id)).filter(({ type }) => type === 'interrupted').length;
    await expect.poll(isBlocked, { timeout: 60_000 }).toBeGreaterThan(1);
    expect((await box.post(`/jobs/${id}/cancel`)).status).toBe(202);
    expect((await box.getJob(id)).state).toBe('cancelled');
    expect(existsSync(workOf(id))).toBe(false);
  },
  120_000,
);

test('a job that fails after its model was made keeps the model, also over a restart', async () => {
  box = await openJobsBox(folder, { jobs: { logger } });
  const { id } = await start({ ...AUTO, name: 'tuned-x2' });
  // Of another kind than the disk's errors: no waiting mends it.
  writeFileSync(join(folder.modelsDir, 'tuned-x2'), 'in the way');
  expect(await box.waitFor(id, hasEnded)).toMatchObject({ state: 'failed', error: { code: 'DS_JOB_FAILED' } });
  await box.close();
  box = await openJobsBox(folder, { jobs: { logger } });
  const { modelDirectory } = JSON.parse(readFileSync(join(workOf(id), 'output.json'), 'utf8')) as JobOutput;
  expect((await loadModel(modelDirectory)).manifest.id).toBe('tuned-x2');
  expect(warnings.join('\n')).toContain(`it is kept below ${workOf(id)}`);
}, 120_000);

test.skipIf(!canMount)(
  'a folder of models that cannot be written is refused when jobs are created (may mount)',
  async () => {
    disk = mountSmallDisk(4) as SmallDisk;
    cpSync(folder.modelsDir, disk.directory, { recursive: true });
    disk.setReadOnly(true);
    const opened = openJobsBox({ ...folder, modelsDir: disk.directory });
    await expect(opened).rejects.toMatchObject({
      code: 'DS_BAD_OPTION',
      message: expect.stringContaining('modelsDir'),
    });
  },
);
