import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobView } from '../../src/jobs/queue/job.ts';
import { runCli } from '../helpers/run-cli.ts';
import { createJobsFolder, hasEnded, type JobsBox, type JobsFolder, openJobsBox, TOKEN } from '../jobs/jobs-box.ts';

let folder: JobsFolder;
let box: JobsBox;
beforeAll(async () => {
  folder = await createJobsFolder();
  box = await openJobsBox(folder);
});
afterAll(async () => {
  await box.close();
  await folder.remove();
});

const run = (args: readonly string[], token = TOKEN) =>
  runCli([...args, '--server', box.url], { DUALSCALE_TOKEN: token });

const START = ['jobs', 'start', 'finetune', '--model', 'nearest-x2', '--folder', 'photos', '--budget', '5steps'];

describe('dualscale jobs', () => {
  test('starts a job, shows its stages until it ends, and lists it', async () => {
    const started = await run([...START, '--max-psnr-drop', '50', '--name', 'tuned-x2', '--watch']);
    expect(started.stderr).toContain('[3/5] train');
    expect(started.stderr).toContain('verdict: passed');
    expect(started.stderr).toContain('done: tuned-x2 can be activated');
    expect(started.code).toBe(0);
    const id = started.stdout.trim();
    expect(await box.getJob(id)).toMatchObject({ state: 'succeeded', result: { modelId: 'tuned-x2' } });
    const list = await run(['jobs', 'list', '--json']);
    expect((JSON.parse(list.stdout) as JobView[]).map((job) => job.id)).toEqual([id]);
    const activated = await run(['models', 'activate', 'tuned-x2']);
    expect(activated.stdout).toMatch(/tuned-x2 +\S+ +x2 +yes/);
    expect((await run(['models', 'rollback', '2'])).stdout).toMatch(/nearest-x2 +\S+ +x2 +yes/);
  }, 300_000);

  test('cancels a job', async () => {
    const { stdout } = await run([...START.slice(0, -1), '1000000steps']);
    const id = stdout.trim();
    expect((await run(['jobs', 'cancel', id])).stdout.trim()).toBe(`${id} cancelled`);
    expect(hasEnded(await box.getJob(id))).toBe(true);
  }, 200_000);

  test('says what is wrong: fields, token, server, never the token itself', async () => {
    const wrong = await run([
      'jobs',
      'start',
      'compress',
      '--model',
      'none-such',
      '--ratio',
      '0.5',
      '--folder',
      'elsewhere',
    ]);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('/model: expected a model, one of')]);
    expect(wrong.stderr).toContain('/data/folders/0: expected a folder');
    const refused = await run(['jobs', 'list'], 'another-token-of-length');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('401')]);
    expect(refused.stderr).not.toContain('another-token-of-length');
    const nobody = await runCli(['jobs', 'list', '--server', 'http://127.0.0.1:9']);
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining('cannot be reached')]);
    expect((await run(['jobs', 'start', 'finetune', '--model', 'x', '--budget', 'soon'])).code).toBe(2);
  }, 200_000);
});
