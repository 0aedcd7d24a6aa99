import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadModel } from '../../../src/core/models/load.ts';
import { publishModel, rollbackModel } from '../../../src/core/models/publish.ts';
import { sweepTemporary, sweepUnpublished } from '../../../src/jobs/data/leftovers.ts';
import { type ModelsFolder, publishNearestModels } from '../../helpers/nearest-models.ts';

const DAY_MS = 86_400_000;
let models: ModelsFolder;
let model: string;
const warnings: string[] = [];
beforeEach(async () => {
  models = await publishNearestModels([2]);
  model = join(models.directory, 'nearest-x2');
});
afterEach(() => models.remove());

const sweep = (days: number) =>
  sweepUnpublished({
    modelsDir: models.directory,
    now: () => Date.now() + days * DAY_MS,
    warn: (text) => void warnings.push(text),
  });

/** The same model with other weights, over the one that is there. */
async function republish(change: number): Promise<void> {
  const { manifest, parameters, dualParameters } = await loadModel(model);
  const { id, spec, version, license, degradation, provenance, quality, latency } = manifest;
  const changed = Object.fromEntries(
    Object.entries({ ...parameters, ...dualParameters }).map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((value) => value + change) },
    ]),
  );
  const draft = { id, version, license, spec, degradation, provenance, quality, latency };
  await publishModel(models.directory, draft, changed);
}

test('what killed publications left goes after a day, and nothing that a model needs', async () => {
  await republish(0.25);
  await republish(0.25);
  const publication = join(models.directory, `.publish-nearest-x2-${randomUUID()}`);
  await mkdir(publication);
  await writeFile(join(publication, 'weights.safetensors'), 'half');
  const kept = (await readdir(model)).sort();
  const left = ['weights-0123456789abcdef.safetensors', `.manifest.json.${randomUUID()}`];
  for (const name of left) await writeFile(join(model, name), 'half');
  await writeFile(join(models.directory, '.hidden'), 'of somebody else');

  await sweep(0.5);
  expect(existsSync(publication)).toBe(true);
  expect((await readdir(model)).sort()).toEqual([...kept, ...left].sort());

  await sweep(1.5);
  expect(existsSync(publication)).toBe(false);
  expect((await readdir(model)).sort()).toEqual(kept);
  expect(existsSync(join(models.directory, '.hidden'))).toBe(true);
  const { manifest } = await loadModel(model);
  // The model that was replaced can still be put back.
  expect((await rollbackModel(models.directory, 'nearest-x2')).manifest.weights).not.toEqual(manifest.weights);
});

test('a folder whose manifests cannot be read is left alone', async () => {
  await republish(0.25);
  await writeFile(join(model, 'manifest.previous.json'), '{');
  const names = (await readdir(model)).sort();
  await sweep(2);
  expect((await readdir(model)).sort()).toEqual(names);
  await writeFile(join(model, 'manifest.json'), await readFile(join(model, 'manifest.previous.json')));
  await sweep(2);
  expect((await readdir(model)).sort()).toEqual(names);
});

test('files that a killed process was writing go before the next one begins', async () => {
  const work = await mkdtemp(join(tmpdir(), 'dualscale-work-'));
  await mkdir(join(work, 'run', 'x'), { recursive: true });
  const names = [
    'run/x/checkpoint.bin.123.tmp',
    'output.json.0123456789ab.tmp',
    'run/checkpoint.bin',
    'a.tmp',
    'b.1.tmp.png',
  ];
  for (const name of names) await writeFile(join(work, name), 'x');
  await sweepTemporary(work);
  expect(names.filter((name) => existsSync(join(work, name)))).toEqual(names.slice(2));
  await rm(work, { recursive: true });
  await sweepTemporary(work);
});
