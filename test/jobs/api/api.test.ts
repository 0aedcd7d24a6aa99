import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobView } from '../../../src/jobs/queue/job.ts';
import { publishBlindModel } from '../../helpers/blind-model.ts';
import { createJobsFolder, FINETUNE, hasEnded, type JobsBox, type JobsFolder, openJobsBox } from '../jobs-box.ts';
import { findDeviations, OPERATIONS } from '../openapi.ts';

let folder: JobsFolder;
let box: JobsBox;
beforeAll(async () => {
  folder = await createJobsFolder();
  await publishBlindModel(folder.modelsDir, [0.6, 0, 0, 0, 0.25]);
  box = await openJobsBox(folder, { jobs: { samplesDir: folder.photos, traffic: {}, queueLimit: 3 } });
});
afterAll(async () => {
  await box.close();
  await folder.remove();
});

const problemOf = async (response: Response) =>
  (await response.json()) as { code: string; detail: string; errors?: { pointer: string; detail: string }[] };

/** One job that was cancelled at once: everything about it can be asked for. */
async function cancelledJob(): Promise<JobView> {
  const { id } = (await (await box.post('/jobs', FINETUNE)).json()) as JobView;
  await box.post(`/jobs/${id}/cancel`);
  return box.waitFor(id, hasEnded);
}

/** Sends one request of an operation that makes sense. */
async function ask({ path, method }: (typeof OPERATIONS)[number], jobId: string): Promise<Response> {
  const ids: Record<string, string> = { samples: 'photo-0.png', models: 'nearest-x2' };
  const id = ids[path.split('/')[1] ?? ''] ?? jobId;
  const url = path.replace('{id}', id).replace('{scale}', '2');
  if (path === '/jobs' && method === 'POST') return box.post(url, FINETUNE);
  return box.call(path.endsWith('/upscaled') ? `${url}?model=nearest-x2` : url, { method });
}

describe('answers', () => {
  test('are as the OpenAPI document says, on every route', async () => {
    const { id } = await cancelledJob();
    const deviations: string[] = [];
    for (const operation of OPERATIONS) {
      const response = await ask(operation, id);
      deviations.push(...(await findDeviations(operation.path, operation.method, response)));
    }
    const { jobs } = (await (await box.call('/jobs')).json()) as { jobs: JobView[] };
    for (const job of jobs) await box.post(`/jobs/${job.id}/cancel`);
    expect(deviations).toEqual([]);
  });

  test('to how a sample was made small come from the blind model of the scale', async () => {
    const path = '/samples/photo-0.png/inspection';
    const response = await box.call(path);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ model: 'told-x2', scale: 2, jpegQuality: 75, noiseSigma: 0 });
    expect((await box.call(`${path}?scale=2`)).status).toBe(200);
    expect((await box.call(`${path}?scale=4`)).status).toBe(404);
    expect((await box.call(`${path}?scale=16`)).status).toBe(400);
  });

  test('to what is not there are 404, to wrong methods 405 with those that are allowed', async () => {
    for (const path of ['/jobs/job-0000000000000000', '/nothing', '/samples/..%2fjobs', '/uploads/upload-0']) {
      expect((await box.call(path)).status, path).toBe(404);
    }
    const response = await box.call('/jobs', { method: 'DELETE' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, POST');
    expect((await box.call('/jobs/%ff')).status).toBe(400);
  });

  test('to what is outside the mount path come from the host', async () => {
    const response = await fetch(`${box.url}/elsewhere`);
    expect([response.status, await response.text()]).toEqual([404, '']);
  });
});

describe('asking for a job', () => {
  test('with wrong fields names all of them', async () => {
    const body = {
      type: 'compress',
      model: 'Bad Name',
      data: { folders: ['../../etc', 'photos'] },
      budget: 'huge',
      extra: 1,
    };
    const response = await box.post('/jobs', body);
    expect(response.status).toBe(422);
    const { errors = [] } = await problemOf(response);
    const pointers = errors.map(({ pointer }) => pointer).sort();
    expect(pointers).toEqual(['#/budget', '#/data/folders/0', '#/extra', '#/model', '#/target']);
  });

  test.each([
    [{ model: 'no-such-model' }, '#/model'],
    [{ data: { folders: ['elsewhere'] } }, '#/data/folders/0'],
    [{ data: { folders: ['photos/none'] } }, '#/data/folders/0'],
    [{ data: { uploads: ['upload-0000000000000000'] } }, '#/data/uploads/0'],
    [{ data: {} }, '#/data'],
    [{ name: 'nearest-x2' }, '#/name'],
    [{ target: { ratio: 0.5 } }, '#/target'],
    [{ type: 'compress', target: { ratio: 0.5, macs: 1 } }, '#/target'],
    [{ type: 'compress', target: { latencyMs: 0 } }, '#/target/latencyMs'],
    [{ type: 'compress', target: { latencyMs: 5, width: 1e9 } }, '#/target/width'],
    [{ type: 'compress', target: { macs: 1e14 } }, '#/target/macs'],
    [{ budget: { minutes: 1, steps: 1 } }, '#/budget'],
    [{ maxPsnrDropDb: -1 }, '#/maxPsnrDropDb'],
    [{ type: 'train', model: 'nearest-x2' }, '#/model'],
  ])('%j is refused for %s', async (changes, pointer) => {
    const response = await box.post('/jobs', { ...FINETUNE, ...changes });
    expect(response.status).toBe(422);
    const { errors } = await problemOf(response);
    expect(errors?.map((error) => error.pointer)).toEqual([pointer]);
    expect(JSON.stringify(errors)).not.toContain(folder.directory);
  });

  test('twice with one key gives one job, with another body a 422', async () => {
    const headers = { 'Idempotency-Key': 'once' };
    const [first, again] = [await box.post('/jobs', FINETUNE, headers), await box.post('/jobs', FINETUNE, headers)];
    const [{ id }, { id: sameId }] = [(await first.json()) as JobView, (await again.json()) as JobView];
    expect([again.status, sameId]).toEqual([202, id]);
    const other = await box.post('/jobs', { ...FINETUNE, budget: { steps: 21 } }, headers);
    expect(other.status).toBe(422);
    await box.post(`/jobs/${id}/cancel`);
  });

  test.each([
    ['one name', 12, { name: 'twin-x2' }, {}, [1, 422]],
    ['the queue nearly full', 12, {}, {}, [4, 429]],
    ['one key and bodies of their own', 3, { budget: { steps: 22 } }, { 'Idempotency-Key': 'side-by-side' }, [1, 422]],
  ] as const)(
    'side by side with %s is taken as often as one after the other',
    async (_, count, more, headers, rest) => {
      const asked = Array.from({ length: count }, (_unused, i) =>
        box.post('/jobs', { ...FINETUNE, maxPsnrDropDb: i, ...more }, headers),
      );
      const answers = await Promise.all(asked);
      const ids = await Promise.all(
        answers.filter(({ status }) => status === 202).map(async (answer) => ((await answer.json()) as JobView).id),
      );
      for (const id of ids) await box.post(`/jobs/${id}/cancel`);
      const [taken, status] = rest;
      const others = Array.from({ length: count - taken }, () => status);
      expect(answers.map((answer) => answer.status).sort()).toEqual([...Array(taken).fill(202), ...others]);
    },
  );

  test('beyond the queue is refused with a time to come again', async () => {
    const ids: string[] = [];
    let refused: Response | undefined;
    for (let i = 0; i < 6 && !refused; i++) {
      const response = await box.post('/jobs', FINETUNE);
      if (response.status === 202) ids.push(((await response.json()) as JobView).id);
      else refused = response;
    }
    expect(refused?.status).toBe(429);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    const positions = await Promise.all(ids.map(async (id) => ((await box.getJob(id)) as never)['queuePosition']));
    expect(positions.slice(1)).toEqual(ids.slice(1).map((_, i) => i));
    for (const id of ids) await box.post(`/jobs/${id}/cancel`);
    for (const id of ids) expect((await box.getJob(id)).state).toBe('cancelled');
  });

  test('to a server that is closing is refused with a time to come again', async () => {
    const other = await createJobsFolder(1);
    const closing = await openJobsBox(other);
    await closing.jobs.close();
    const response = await closing.post('/jobs', FINETUNE);
    expect([response.status, (await problemOf(response.clone())).code]).toEqual([503, 'DS_CLOSING']);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await findDeviations('/jobs', 'POST', response)).toEqual([]);
    await closing.close();
    await other.remove();
  });

  test.each([
    ['no JSON', '{', 'application/json', 400],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'application/json', 400],
    ['another type', '{}', 'text/plain', 415],
    ['too much', `"${'x'.repeat(70_000)}"`, 'application/json', 413],
    ['a list', '[]', 'application/json', 422],
  ])('with %s is refused', async (_, body, type, status) => {
    const response = await box.call('/jobs', { method: 'POST', body, headers: { 'Content-Type': type } });
    expect(response.status).toBe(status);
  });

  test('names no folder that a link leads out of a root', async () => {
    const { symlink } = await import('node:fs/promises');
    await mkdir(join(folder.directory, 'secret'));
    await writeFile(join(folder.directory, 'secret', 'x.png'), 'x');
    await symlink(join(folder.directory, 'secret'), join(folder.photos, 'link'));
    const response = await box.post('/jobs', { ...FINETUNE, data: { folders: ['photos/link'] } });
    expect(response.status).toBe(422);
  });
});

describe('a cancelled job', () => {
  test('leaves nothing behind but what is known of it, and stays cancelled', async () => {
    const { readdir } = await import('node:fs/promises');
    const asked = (await (await box.post('/jobs', { ...FINETUNE, budget: { steps: 100_000 } })).json()) as JobView;
    await box.waitFor(asked.id, ({ progress }) => progress.stage === 'train' && progress.step > 0);
    const cancelled = (await (await box.post(`/jobs/${asked.id}/cancel`)).json()) as JobView;
    expect(cancelled.state).toBe('cancelled');
    expect((await readdir(join(folder.dir, 'jobs', asked.id))).sort()).toEqual(['events.jsonl', 'job.json']);
    expect((await box.post(`/jobs/${asked.id}/cancel`)).status).toBe(202);
    const events = await box.events(asked.id);
    expect(events.at(-1)?.type).toBe('cancelled');
    expect(events.filter(({ type }) => type === 'cancelled')).toHaveLength(1);
  }, 60_000);
});
