import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recordQuality } from '../../src/cli/record-quality.ts';
import { loadModel, type StoredModel } from '../../src/core/models/load.ts';
import { publishModel } from '../../src/core/models/publish.ts';
import { type ModelsFolder, publishNearestModels } from '../helpers/nearest-models.ts';

let models: ModelsFolder;
let directory: string;
let opened: StoredModel;
beforeEach(async () => {
  models = await publishNearestModels([2]);
  directory = join(models.directory, 'nearest-x2');
  opened = await loadModel(directory);
});
afterEach(() => models.remove());

const measured = (set: string, psnrDb = 30) => ({ set, psnrDb, ssim: 0.9 });
const record = (...sets: ReturnType<typeof measured>[]) => recordQuality(opened, sets, { models: models.directory });
const recorded = async () =>
  (await loadModel(directory)).manifest.quality.map(({ set, psnrDb }) => `${set} ${psnrDb}`).sort();

test('two evaluations of one model, side by side or one after the other, keep the figures of both', async () => {
  await record(measured('Set5'), measured('Set14'));
  // Opened before the first one was written.
  await record(measured('BSD100'), measured('Set5', 31));
  expect(await recorded()).toEqual(['BSD100 30', 'Set14 30', 'Set5 31']);
  await Promise.all(['a', 'b', 'c', 'd'].map((set) => record(measured(set))));
  expect(await recorded()).toEqual(['BSD100 30', 'Set14 30', 'Set5 31', 'a 30', 'b 30', 'c 30', 'd 30']);
});

test('figures of weights that have been replaced meanwhile are refused', async () => {
  const { manifest, parameters, dualParameters } = opened;
  const { spec, version, license, degradation, provenance, quality, latency } = manifest;
  const draft = { id: manifest.id, version, license, spec, degradation, provenance, quality, latency };
  const changed = Object.fromEntries(
    Object.entries({ ...parameters, ...dualParameters }).map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((value) => value + 0.25) },
    ]),
  );
  await publishModel(models.directory, draft, changed);
  await expect(record(measured('Set5'))).rejects.toMatchObject({
    code: 'DS_BAD_MODEL',
    message: expect.stringContaining(opened.manifest.weights.sha256),
  });
  expect(await recorded()).toEqual([]);
});
