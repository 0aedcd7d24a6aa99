import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listModels, loadModel, modelDirectory } from '../../../src/core/models/load.ts';
import { publishModel, rollbackModel, updateMeasurements } from '../../../src/core/models/publish.ts';
import { sampleDraft, sampleParameters } from './sample-model.ts';

let root: string;
let directory: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dualscale-store-'));
  directory = join(root, 'edge-x2');
});

afterEach(() => rm(root, { recursive: true }));

const publish = (fill: number, version = '1.0.0') =>
  publishModel(root, { ...sampleDraft, version }, sampleParameters(fill));
const filling = async () => (await loadModel(directory)).parameters['head.bias']?.data[0];
/** Without the hidden names of publications under way. */
const files = async () => (await readdir(directory)).sort();

describe('publishModel', () => {
  test('what is published is loaded, number for number', async () => {
    const published = await publish(0.25);
    expect(published.parameters).toEqual(sampleParameters(0.25));
    expect(published.manifest).toMatchObject({ id: 'edge-x2', scale: 2, weights: { file: 'weights.safetensors' } });
    expect(await loadModel(directory)).toEqual(published);
    expect(await files()).toEqual(['manifest.json', 'weights.safetensors']);
    expect(await readdir(root)).toEqual(['edge-x2']);
  });

  test('float16 weights load as the rounded numbers', async () => {
    const { parameters } = await publishModel(root, { ...sampleDraft, dtype: 'float16' }, sampleParameters(0.1));
    // 0x2e66 = (1 + 614/1024) / 16 is the half nearest to 0.1.
    expect(parameters['head.bias']?.data[0]).toBe(1638 / 16384);
  });

  test("the dual network's weights are kept beside the network's, whole or not at all", async () => {
    // Of x2: 3 to 16 channels by a stride-2 convolution, 16 to 3, both 3x3 without bias.
    const dual = {
      'dual.0.weight': { shape: [3, 3, 3, 16], data: new Float32Array(432).fill(0.5) },
      'dual.1.weight': { shape: [3, 3, 16, 3], data: new Float32Array(432).fill(-0.5) },
    };
    expect((await publish(0.25)).dualParameters).toBeUndefined();
    const published = await publishModel(root, sampleDraft, { ...sampleParameters(0.25), ...dual });
    expect(published.dualParameters).toEqual(dual);
    expect(published.parameters).toEqual(sampleParameters(0.25));
    expect(await loadModel(directory)).toEqual(published);
    const half = { ...sampleParameters(0.25), 'dual.0.weight': dual['dual.0.weight'] };
    await expect(publishModel(root, sampleDraft, half)).rejects.toThrow(/`dual.1.weight` is missing/);
  });

  test('the digest follows the pixels: weights change it, measurements do not', async () => {
    const first = await publish(0.25);
    const measured = { ...sampleDraft, provenance: { ...sampleDraft.provenance, machine: 'another' } };
    expect((await publishModel(root, measured, sampleParameters(0.25))).digest).toBe(first.digest);
    expect((await publish(0.5)).digest).not.toBe(first.digest);
    expect(first.digest).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([
    ['a missing parameter', ({ 'head.bias': _, ...rest }: ReturnType<typeof sampleParameters>) => rest, /missing/],
    [
      'an unknown parameter',
      (all: ReturnType<typeof sampleParameters>) => ({ ...all, extra: { shape: [], data: new Float32Array(1) } }),
      /no parameter `extra`/,
    ],
    [
      'a wrong shape',
      (all: ReturnType<typeof sampleParameters>) => ({
        ...all,
        'head.bias': { shape: [2, 2], data: new Float32Array(4) },
      }),
      /shape \[4\], got \[2,2\]/,
    ],
    [
      'a weight that is not a number',
      (all: ReturnType<typeof sampleParameters>) => {
        all['head.bias']?.data.fill(Number.NaN);
        return all;
      },
      /not finite/,
    ],
  ])('writes nothing for %s', async (_, damage, message) => {
    await expect(publishModel(root, sampleDraft, damage(sampleParameters()))).rejects.toThrow(message);
    expect(await readdir(root)).toEqual([]);
  });

  test('writes nothing when a weight is too large for float16', async () => {
    const draft = { ...sampleDraft, dtype: 'float16' } as const;
    await expect(publishModel(root, draft, sampleParameters(70000))).rejects.toThrow(/not finite/);
    expect(await readdir(root)).toEqual([]);
  });

  test('readers see the old model or the new one, whole, while it is replaced again and again', async () => {
    await publish(0);
    let isDone = false;
    const seen = new Set<number>();
    const read = async () => {
      while (!isDone) {
        const { manifest, parameters } = await loadModel(directory);
        const values = Object.values(parameters).flatMap(({ data }) => [...data]);
        expect(new Set(values)).toEqual(new Set([Number(manifest.version.split('.')[0]) / 64]));
        seen.add(values[0] as number);
      }
    };
    const write = async () => {
      for (let i = 1; i <= 15; i++) await publish(i / 64, `${i}.0.0`);
      isDone = true;
    };
    await publish(0, '0.0.0');
    await Promise.all([read(), read(), write()]);
    expect(seen.size).toBeGreaterThan(2);
    // The last two models and nothing else.
    expect((await files()).length).toBe(4);
  });
});

describe('a publication that was killed', () => {
  test('before the folder was renamed is no model, and is not in the way', async () => {
    await publish(0.25);
    await rename(directory, join(root, '.publish-edge-x2-1234'));
    expect(await listModels(root)).toEqual({ models: [], broken: [] });
    await expect(loadModel(directory)).rejects.toMatchObject({ code: 'DS_MODEL_NOT_FOUND' });
    await publish(0.5);
    expect(await filling()).toBe(0.5);
  });

  test('before the manifest was renamed leaves the old model as it was', async () => {
    await publish(0.25);
    const kept = await readFile(join(directory, 'manifest.json'));
    await publish(0.5);
    await writeFile(join(directory, 'manifest.json'), kept);
    await writeFile(join(directory, '.manifest.json.1234'), '{"manifestVersion":');
    await writeFile(join(directory, '.weights-0.safetensors.1234'), 'half');
    expect(await filling()).toBe(0.25);
    expect((await listModels(root)).models.map(({ id }) => id)).toEqual(['edge-x2']);
  });
});

describe('rollbackModel', () => {
  test('puts the replaced model back, and a second call undoes it', async () => {
    await publish(0.25, '1.0.0');
    await publish(0.5, '2.0.0');
    expect((await rollbackModel(root, 'edge-x2')).manifest.version).toBe('1.0.0');
    expect(await filling()).toBe(0.25);
    expect((await rollbackModel(root, 'edge-x2')).manifest.version).toBe('2.0.0');
    expect(await filling()).toBe(0.5);
  });

  test('has nothing to go back to after the first publication', async () => {
    await publish(0.25);
    await expect(rollbackModel(root, 'edge-x2')).rejects.toMatchObject({ code: 'DS_MODEL_NOT_FOUND' });
  });

  test('says that the manifest to go back to is damaged; the next publication replaces it', async () => {
    await publish(0.25, '1.0.0');
    await publish(0.5, '2.0.0');
    await writeFile(join(directory, 'manifest.previous.json'), '{');
    await expect(rollbackModel(root, 'edge-x2')).rejects.toMatchObject({ code: 'DS_BAD_MODEL' });
    await publish(0.75, '3.0.0');
    expect((await rollbackModel(root, 'edge-x2')).manifest.version).toBe('2.0.0');
  });
});

test('updateMeasurements changes the manifest and nothing that is served', async () => {
  const { digest } = await publish(0.25, '1.0.0');
  await publish(0.5, '2.0.0');
  await rollbackModel(root, 'edge-x2');
  const entry = { set: 'Set5', scale: 2, psnrDb: 30, ssim: 0.9, protocol: 'Y', command: 'x', date: '2026-11-22' };
  expect((await updateMeasurements(directory, { quality: [entry] })).quality).toEqual([entry]);
  expect(await loadModel(directory)).toMatchObject({ digest, manifest: { version: '1.0.0', quality: [entry] } });
  expect((await rollbackModel(root, 'edge-x2')).manifest.version).toBe('2.0.0');
});

describe('loadModel refuses', () => {
  const weights = () => join(directory, 'weights.safetensors');

  test.each([
    ['one changed bit', (bytes: Buffer) => bytes.fill((bytes.at(-1) as number) ^ 1, bytes.length - 1)],
    ['a cut file', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['an empty file', () => Buffer.alloc(0)],
  ])('weights with %s', async (_, damage) => {
    await publish(0.25);
    await writeFile(weights(), damage(await readFile(weights())));
    await expect(loadModel(directory)).rejects.toThrow(/weights.safetensors: expected sha256/);
  });

  test('weights far larger than the network, unread', async () => {
    await publish(0.25);
    await writeFile(weights(), Buffer.alloc(2 << 20));
    await expect(loadModel(directory)).rejects.toThrow(/at most \d+ bytes, got 2097152/);
  });

  test('missing weights, and a link out of the folder', async () => {
    await publish(0.25);
    await rename(weights(), join(root, 'elsewhere.safetensors'));
    await expect(loadModel(directory)).rejects.toMatchObject({ code: 'DS_BAD_MODEL' });
    await symlink(join(root, 'elsewhere.safetensors'), weights());
    await expect(loadModel(directory)).rejects.toThrow(/got a link to/);
  });

  test.skipIf(process.platform === 'win32')('a named pipe, for which nobody waits', async () => {
    await publish(0.25);
    await rm(weights());
    execFileSync('/usr/bin/mkfifo', [weights()]);
    await expect(loadModel(directory)).rejects.toThrow(/expected a regular file/);
  });

  test('a manifest under the name of another model', async () => {
    await publish(0.25);
    await cp(directory, join(root, 'other'), { recursive: true });
    await expect(loadModel(join(root, 'other'))).rejects.toThrow(/`id` to be the folder's name, other, got edge-x2/);
  });
});

describe('listModels', () => {
  test('reports what is broken and goes on', async () => {
    await publish(0.25);
    await mkdir(join(root, 'empty'));
    await mkdir(join(root, 'text'));
    await writeFile(join(root, 'text', 'manifest.json'), 'hello');
    await writeFile(join(root, 'README.md'), 'a file beside the models');
    const { models, broken } = await listModels(root);
    expect(models.map(({ id }) => id)).toEqual(['edge-x2']);
    expect(broken.map(({ directory, error }) => [directory, error.code])).toEqual([
      [join(root, 'empty'), 'DS_MODEL_NOT_FOUND'],
      [join(root, 'text'), 'DS_BAD_MODEL'],
    ]);
  });

  test('a missing folder is an error, not an empty list', async () => {
    await expect(listModels(join(root, 'none'))).rejects.toMatchObject({ code: 'DS_MODEL_NOT_FOUND' });
  });
});

test.each(['..', '../x', 'a/b', '', '.hidden', 'A'])('modelDirectory refuses %j', (id) => {
  expect(() => modelDirectory(root, id)).toThrow(expect.objectContaining({ code: 'DS_MODEL_NOT_FOUND' }));
});
