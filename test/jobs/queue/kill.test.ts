import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadModel } from '../../../src/core/models/load.ts';
import { createJobsFolder, type JobsFolder } from '../jobs-box.ts';
import { killAtRandom } from '../kill-rounds.ts';

let folder: JobsFolder;
beforeAll(async () => {
  folder = await createJobsFolder();
});
afterAll(() => folder.remove());

test('a job whose process and server are killed ends with one model and no event lost or doubled', async () => {
  const { job, events, models, killed, partial } = await killAtRandom(folder, 3, Math.random);
  expect(killed.child + killed.server).toBeGreaterThan(0);
  expect(job.error).toBeNull();
  expect(job).toMatchObject({ state: 'succeeded', result: { verdict: 'passed', published: true, activated: true } });
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  for (const type of ['started', 'verdict', 'published', 'succeeded'] as const) {
    expect(
      events.filter((event) => event.type === type),
      type,
    ).toHaveLength(1);
  }
  const stages = events.flatMap((event) => (event.type === 'stage' ? [event.data.stage] : []));
  expect(stages).toEqual(['data', 'plan', 'train', 'evaluate', 'publish']);
  expect(models).toEqual([job.result?.modelId]);
  expect(partial).toEqual([]);
  const { manifest } = await loadModel(join(folder.modelsDir, models[0] as string));
  expect(manifest.provenance.data).toContain(job.id);
  expect(manifest.latency).toHaveLength(1);
  expect(await readdir(join(folder.dir, 'jobs', job.id))).not.toContain('work');
}, 240_000);
