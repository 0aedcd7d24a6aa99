import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobView } from '../../src/jobs/job.ts';
import { loadModel } from '../../src/model-store/load.ts';
import { createJobsFolder, FINETUNE, hasEnded, type JobsBox, type JobsFolder, openJobsBox } from './jobs-box.ts';

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

describe('a job of fine-tuning', () => {
  test('goes through its stages, is judged against the model that serves, and goes into service', async () => {
    const asked = await box.post('/jobs', { ...FINETUNE, maxPsnrDropDb: 50, publish: 'auto' });
    expect(asked.status).toBe(202);
    const { id } = (await asked.json()) as JobView;
    expect(asked.headers.get('location')).toBe(`/dualscale/api/jobs/${id}`);
    const job = await box.waitFor(id, hasEnded);
    expect(job.error).toBeNull();
    expect(job.state).toBe('succeeded');
    const modelId = `nearest-x2-j${id.slice(-6)}`;
    expect(job.result).toMatchObject({ verdict: 'passed', modelId, published: true, activated: true });
    const events = await box.events(id);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
    const stages = events.flatMap((event) => (event.type === 'stage' ? [event.data.stage] : []));
    expect(stages).toEqual(['data', 'plan', 'train', 'judge', 'publish']);
    expect(box.dualscale.servedBy(2)?.id).toBe(modelId);
    const { manifest } = await loadModel(join(folder.modelsDir, modelId));
    expect(manifest.provenance.data).toContain(id);
    expect(await readdir(join(folder.dir, 'jobs', id))).not.toContain('work');
  }, 60_000);
});
