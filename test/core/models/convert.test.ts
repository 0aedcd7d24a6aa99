import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { convertWeights, nextVersion, roundParameters } from '../../../src/core/models/convert.ts';
import { loadModel, modelDirectory } from '../../../src/core/models/load.ts';
import { publishModel, rollbackModel, updateMeasurements } from '../../../src/core/models/publish.ts';
import { sampleDraft, sampleParameters } from './sample-model.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dualscale-convert-'));
});
afterEach(() => rm(root, { recursive: true }));

const id = sampleDraft.id;
/** The half nearest to 0.1 is (1 + 614/1024) / 16. */
const [FILL, HALF] = [0.1, 1638 / 16384];
const quality = [{ set: 'Set5', scale: 2, psnrDb: 30, ssim: 0.9, protocol: 'Y', command: 'eval', date: '2026-01-01' }];

async function publish() {
  await publishModel(root, sampleDraft, sampleParameters(FILL));
  await updateMeasurements(modelDirectory(root, id), { quality });
}

describe('convertWeights', () => {
  test('publishes the next version with half the bytes, unmeasured, and can be undone', async () => {
    await publish();
    const before = await loadModel(modelDirectory(root, id));
    const converted = await convertWeights(root, id, 'float16');
    expect(converted?.manifest).toMatchObject({ version: '1.1.0', weights: { dtype: 'float16' }, quality: [] });
    expect(converted?.manifest.provenance).toEqual(before.manifest.provenance);
    expect(converted?.parameters['head.bias'].data[0]).toBe(HALF);
    expect(converted?.digest).not.toBe(before.digest);
    const bytes = async (file: string) => (await stat(join(modelDirectory(root, id), file))).size;
    const [small, large] = [converted?.manifest.weights.file as string, before.manifest.weights.file];
    const values = before.manifest.parameters;
    expect((await bytes(large)) - (await bytes(small))).toBeGreaterThan(1.9 * values);
    expect((await rollbackModel(root, id)).parameters['head.bias'].data[0]).toBe(Math.fround(FILL));
  });

  test('does nothing where there is nothing to do', async () => {
    await publish();
    expect(await convertWeights(root, id, 'float32')).toBeUndefined();
    expect((await loadModel(modelDirectory(root, id))).manifest).toMatchObject({ version: '1.0.0', quality });
  });

  test('keeps what was measured when no number changes', async () => {
    await publishModel(root, { ...sampleDraft, dtype: 'float16' }, sampleParameters(FILL));
    await updateMeasurements(modelDirectory(root, id), { quality });
    const back = await convertWeights(root, id, 'float32');
    expect(back?.manifest).toMatchObject({ quality, weights: { dtype: 'float32' } });
    expect(back?.parameters['head.bias'].data[0]).toBe(HALF);
  });
});

describe('roundParameters', () => {
  test('gives what a file would give back', () => {
    const parameters = sampleParameters(FILL);
    expect(roundParameters(parameters, 'float32')).toEqual(parameters);
    expect(roundParameters(parameters, 'float16')['head.bias'].data[0]).toBe(HALF);
  });
});

describe('nextVersion', () => {
  test('is the first where there is none, else one minor up', async () => {
    expect(await nextVersion(root, id)).toBe('1.0.0');
    await publishModel(root, { ...sampleDraft, version: '2.9.3' }, sampleParameters(0));
    expect(await nextVersion(root, id)).toBe('2.10.0');
  });

  test('is the first over a damaged manifest, and fails where the manifest cannot be read', async () => {
    const manifest = join(modelDirectory(root, id), 'manifest.json');
    await mkdir(modelDirectory(root, id));
    await writeFile(manifest, '{');
    expect(await nextVersion(root, id)).toBe('1.0.0');
    await rm(manifest);
    await symlink('manifest.json', manifest);
    await expect(nextVersion(root, id)).rejects.toMatchObject({
      code: 'DS_BAD_MODEL',
      message: expect.stringContaining('ELOOP'),
    });
  });
});
