import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadModel, modelDirectory } from '../../../src/core/models/load.ts';
import type { JobView } from '../../../src/jobs/queue/job.ts';
import { STAGES } from '../../../src/jobs/queue/stages.ts';
import type { JobReport } from '../../../src/jobs/rollout/evaluation.ts';
import { STAGES as RECIPE_STAGES } from '../../../src/trainer/compress/progress.ts';
import { publishBlindModel } from '../../helpers/blind-model.ts';
import { publishNearestModels } from '../../helpers/nearest-models.ts';
import { createJobsFolder, FINETUNE, hasEnded, type JobsBox, type JobsFolder, openJobsBox } from '../jobs-box.ts';

let folder: JobsFolder;
let box: JobsBox;
let remove: () => Promise<void>;
beforeAll(async () => {
  folder = await createJobsFolder();
  const models = await publishNearestModels([2], { featureCount: 16, blocks: 2 });
  remove = models.remove;
  folder = { ...folder, modelsDir: models.directory };
  box = await openJobsBox(folder);
});
afterAll(async () => {
  await box.close();
  await folder.remove();
  await remove();
});

/** The recipe's own order must be this one's, or a stage would pass unseen. */
test("stages of a compression come in the recipe's order", () => {
  const own = Object.keys(STAGES.compress).filter((name) => name !== 'data' && name !== 'evaluate');
  expect(own).toEqual([...RECIPE_STAGES]);
});

test('a compression to fewer multiply-accumulates goes through all stages and waits to be activated', async () => {
  const full = box.dualscale.servedBy(2)?.macs.for1280x720 as number;
  const target = { macs: Math.round(0.6 * full) };
  const body = { ...FINETUNE, type: 'compress', target, budget: { steps: 4 }, maxPsnrDropDb: 20, name: 'slim-x2' };
  const { id } = (await (await box.post('/jobs', body)).json()) as JobView;
  const job = await box.waitFor(id, hasEnded);
  expect(job.error).toBeNull();
  const stages = job.progress.stages.map(({ name, state }) => `${name} ${state}`);
  const names = ['data', 'plan', 'duals', 'search', 'fit', 'prune', 'fine-tune', 'measure', 'evaluate', 'publish'];
  expect(stages).toEqual(names.map((name) => `${name} done`));
  const report = (await (await box.call(`/jobs/${id}/report`)).json()) as JobReport;
  expect(report.verdict, JSON.stringify(report.checks)).toBe('passed');
  expect(report.candidate.macs).toBeLessThanOrEqual(target.macs);
  expect(report.active).toMatchObject({ modelId: 'nearest-x2', macs: full });
  expect(report.recipe).toMatchObject({ method: 'drc' });
  expect(job.result).toMatchObject({ modelId: 'slim-x2', published: true, activated: false });
  const log = await (await box.call(`/jobs/${id}/log`)).text();
  for (const name of names.slice(0, -1)) expect(log).toMatch(new RegExp(`^\\S+Z .*stage ${name}\\b`, 'm'));
  expect(log).toMatch(/^\S+Z step 4\/4, loss \d/m);
  const metrics = await box.dualscale.registry.metrics();
  for (const line of [
    'dualscale_jobs{state="succeeded"} 1',
    'dualscale_jobs_ended_total{type="compress",state="succeeded"} 1',
    'dualscale_job_duration_seconds_count{type="compress",state="succeeded"} 1',
    'dualscale_job_stage{stage="publish"} 1',
    'dualscale_job_progress_ratio 1',
    'dualscale_job_publications_total 1',
    `dualscale_job_latency_seconds{kind="measured"} ${report.candidate.latency.medianMs / 1000}`,
    `dualscale_job_psnr_db ${job.metrics.psnrDb}`,
    `dualscale_job_loss ${job.metrics.loss}`,
  ]) {
    expect(metrics.split('\n')).toContain(line);
  }
  expect(log).toContain(` slim-x2: PSNR ${report.candidate.psnrDb?.toFixed(2)} dB`);
  expect(box.dualscale.servedBy(2)?.id).toBe('nearest-x2');
  const { manifest } = await loadModel(modelDirectory(folder.modelsDir, 'slim-x2'));
  expect(manifest.macs.for1280x720).toBe(report.candidate.macs);

  const activated = await box.post('/models/slim-x2/activate');
  expect(await activated.json()).toMatchObject({ active: { 2: 'slim-x2' } });
  expect(box.dualscale.servedBy(2)?.id).toBe('slim-x2');
  const back = await box.post('/scales/2/rollback');
  expect(await back.json()).toMatchObject({
    active: { 2: 'nearest-x2' },
    history: [{ reason: 'rollback' }, { reason: 'operator' }],
  });
  expect((await box.post('/scales/2/rollback')).status).toBe(409);
  expect(await box.dualscale.registry.metrics()).toContain('dualscale_model_rollbacks_total{reason="rollback"} 1');
}, 300_000);

test('a blind model stays blind, is compared with the one it was made of, and does not take the place of the plain one', async () => {
  await publishBlindModel(folder.modelsDir, [0.6, 0, 0, 0.2, 0.25]);
  await box.dualscale.reload();
  const body = { ...FINETUNE, model: 'told-x2', budget: { steps: 4 }, publish: 'auto', name: 'told-site-x2' };
  const { id } = (await (await box.post('/jobs', { ...body, maxPsnrDropDb: 20 })).json()) as JobView;
  const job = await box.waitFor(id, hasEnded);
  expect(job.result).toMatchObject({ modelId: 'told-site-x2', published: true, activated: false });
  const report = (await (await box.call(`/jobs/${id}/report`)).json()) as JobReport;
  expect(report.active).toMatchObject({ modelId: 'told-x2' });
  const { manifest } = await loadModel(modelDirectory(folder.modelsDir, 'told-site-x2'));
  expect(manifest.degradation).toBe('blind');
  expect(manifest.provenance.recipe).toMatchObject({ degradation: expect.stringContaining('isotropic sigma') });
  expect(box.dualscale.servedBy(2)?.id).toBe('nearest-x2');
}, 300_000);
