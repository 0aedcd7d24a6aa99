/** The way of a user: train, look, measure, enlarge, export, serve. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as OnnxRuntime from 'onnxruntime-node';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRgbFile } from '../../src/core/codec/decode.ts';
import { imresize } from '../../src/core/pixels/imresize.ts';
import { psnrDb } from '../../src/core/pixels/psnr.ts';
import { readRunLog } from '../../src/trainer/train/run/run-log.ts';
import { generatedPhoto, writeGeneratedPhotos } from '../helpers/generated-photos.ts';
import { runCli, startCli } from '../helpers/run-cli.ts';
import { TINY } from '../trainer/train/tiny-recipe.ts';

const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof OnnxRuntime;

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const model = () => ['--model', 'tiny-x2', '--models', at('run'), '--provider', 'cpu'];

async function expectOk(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(args);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-journey-'));
  await writeGeneratedPhotos(at('photos'), 6);
  await writeGeneratedPhotos(at('set', 'HR'), 2, { first: 20, width: 64, height: 60 });
  await writeFile(at('tiny.json'), JSON.stringify(TINY));
  const train = ['train', '--spec', at('tiny.json'), '--data', at('photos'), '--out', at('run')];
  const stdout = await expectOk([...train, '--data-note', 'made by a formula', '--license', 'CC0-1.0']);
  expect(stdout).toContain(at('run', 'tiny-x2'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('train', () => {
  test('leaves a log, a plot and a model that says how it was made', async () => {
    const log = readRunLog(at('run', 'log.jsonl'));
    expect(log.filter(({ type }) => type === 'steps').map(({ step }) => step)).toEqual([
      10, 20, 30, 40, 50, 60, 70, 80,
    ]);
    expect(log.filter(({ type }) => type === 'validation').map(({ step }) => step)).toEqual([40, 80]);
    expect((await sharp(at('run', 'loss.svg')).metadata()).width).toBe(860);
    const manifest = JSON.parse(await readFile(at('run', 'tiny-x2', 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({ id: 'tiny-x2', version: '1.0.0', license: 'CC0-1.0', parameters: 852 });
    expect(manifest.provenance).toMatchObject({ seeds: [1], steps: 80, recipe: { dualWeight: 0.1, batchSize: 4 } });
    expect(manifest.provenance.data).toMatch(/^made by a formula: 6 photographs/);
  });

  test('refuses a folder with a checkpoint unless it is to be resumed', async () => {
    const again = ['train', '--spec', at('tiny.json'), '--data', at('photos'), '--out', at('run')];
    const { code, stderr } = await runCli(again);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--out.*--resume/);
  });

  test('trains on from a model, for more steps, and raises its version', async () => {
    const args = ['train', '--spec', at('tiny.json'), '--data', at('photos'), '--out', at('second')];
    await expectOk([...args, '--start-from', at('run', 'tiny-x2'), '--steps', '20']);
    const [start, first] = readRunLog(at('second', 'log.jsonl'));
    expect(start).toMatchObject({ settings: { startFrom: expect.stringMatching(/^tiny-x2 [0-9a-f]{16}$/) } });
    const [, random] = readRunLog(at('run', 'log.jsonl'));
    const loss = (record: typeof first) => (record.type === 'steps' ? record.primalLoss : Number.NaN);
    expect(loss(first)).toBeLessThan(0.7 * loss(random));
    const { code, stderr } = await runCli([...args, '--steps', '30', '--resume']);
    expect(code).toBe(0);
    expect(stderr).toContain('resumed with steps 30, before it was 20');
    const manifest = JSON.parse(await readFile(at('second', 'tiny-x2', 'manifest.json'), 'utf8'));
    // Also without being told again where it started.
    const recipe = { startFrom: start.type === 'start' && start.settings['startFrom'] };
    expect(manifest).toMatchObject({ version: '1.1.0', provenance: { steps: 30, recipe } });
  });
});

describe('train with more to learn from', () => {
  test('learns from a teacher and from pictures without ground truth, and stores half floats', async () => {
    await writeGeneratedPhotos(at('small'), 2, { first: 30, width: 24, height: 20 });
    const args = ['train', '--spec', at('tiny.json'), '--data', at('photos'), '--out', at('taught'), '--steps', '10'];
    const extras = ['--teacher', at('run', 'tiny-x2'), '--distill-weight', '0.5', '--unpaired', at('small')];
    await expectOk([...args, ...extras, '--weights', 'float16']);
    const manifest = JSON.parse(await readFile(at('taught', 'tiny-x2', 'manifest.json'), 'utf8'));
    expect(manifest.weights.dtype).toBe('float16');
    expect(manifest.provenance.recipe).toMatchObject({
      teacher: expect.stringMatching(/^tiny-x2 [0-9a-f]{16}$/),
      distillWeight: 0.5,
      unpairedShare: 0.3,
      loss: 'L1 + dualWeight * dual L1 + distillWeight * L1 to the teacher',
    });
    expect(manifest.provenance.data).toMatch(/; and 2 pictures without ground truth, sha256 [0-9a-f]{64}$/);
    const [start, steps] = readRunLog(at('taught', 'log.jsonl'));
    expect(start).toMatchObject({ unpairedImages: 2 });
    expect(steps).toMatchObject({ distillLoss: expect.any(Number) });
  });
});

describe('train with ground truth that models make', () => {
  test('says who made how much of it', async () => {
    const args = ['train', '--spec', at('tiny.json'), '--data', at('photos'), '--out', at('made'), '--steps', '10'];
    const labels = ['--pseudo-labels-from', at('run', 'tiny-x2'), '--pseudo-labels-share', '0.7'];
    const result = await runCli([...args, ...labels]);
    expect(result).toMatchObject({ code: 0, stderr: expect.stringContaining('ground truth') });
    const manifest = JSON.parse(await readFile(at('made', 'tiny-x2', 'manifest.json'), 'utf8'));
    const pseudoLabelsFrom = expect.stringMatching(/^tiny-x2 [0-9a-f]{16}$/);
    expect(manifest.provenance.recipe).toMatchObject({ pseudoLabelsFrom, pseudoLabelsShare: 0.7 });
  });
});

describe('eval', () => {
  test('measures, records, and `models` shows it', async () => {
    const before = JSON.parse(await expectOk(['models', '--models', at('run'), '--json']));
    expect(before[0].quality).toEqual([]);
    const result = JSON.parse(await expectOk(['eval', ...model(), '--data', at('set'), '--record', '--json']));
    expect(result).toMatchObject({ set: 'set', scale: 2, enlarger: 'tiny-x2' });
    expect(result.images.map(({ name }: { name: string }) => name)).toEqual(['photo-20', 'photo-21']);
    const table = await expectOk(['models', '--models', at('run')]);
    expect(table).toContain(`set ${result.psnrDb.toFixed(2)}/${result.ssim.toFixed(4)}`);
  });

  test('records what it measures under degradations beside that', async () => {
    const args = ['eval', ...model(), '--data', at('set'), '--degradation', 'gaussian:1.2', 'noise:5,jpeg:60'];
    const { rows } = JSON.parse(await expectOk([...args, '--record', '--json']));
    const [{ quality }] = JSON.parse(await expectOk(['models', '--models', at('run'), '--json']));
    expect(quality.map(({ set }: { set: string }) => set)).toEqual([
      'set',
      'set, gaussian:1.2',
      'set, noise:5,jpeg:60',
    ]);
    expect(quality[1].psnrDb).toBeCloseTo(rows[0].psnrDb, 3);
    expect(quality[1].command).toBe('dualscale eval --model tiny-x2 --data set --scale 2 --degradation gaussian:1.2');
    expect(await expectOk(['models', '--models', at('run')])).not.toContain('gaussian');
    await expectOk([...args, '--record']);
    const [{ quality: again }] = JSON.parse(await expectOk(['models', '--models', at('run'), '--json']));
    expect(again).toHaveLength(3);
  });

  test('tells what float16 weights would change, and `convert` changes just that', async () => {
    await cp(at('run', 'tiny-x2'), at('half', 'tiny-x2'), { recursive: true });
    const half = ['--model', 'tiny-x2', '--models', at('half')];
    const measure = ['eval', ...half, '--provider', 'cpu', '--data', at('set')];
    const result = JSON.parse(await expectOk([...measure, '--weights', 'float16', '--json']));
    const [now, then] = [result.asStored.psnrDb, result.psnrDb];
    expect(then).not.toBe(now);
    expect(Math.abs(then - now)).toBeLessThan(0.05);
    expect(await expectOk([...measure, '--weights', 'float16'])).toContain(`difference ${(then - now).toFixed(4)} dB`);
    expect(await expectOk(['convert', ...half, '--weights', 'float16'])).toContain('tiny-x2 1.1.0');
    expect(JSON.parse(await expectOk([...measure, '--json'])).psnrDb).toBe(then);
    expect(await expectOk(['convert', ...half, '--weights', 'float16'])).toContain('already');
    const page = await expectOk(['models', '--models', at('half'), '--markdown']);
    expect(page).toMatch(/^\| `tiny-x2` \| 1\.1\.0 \| x2 \| 0\.9 k \|/m);
  });

  test('gives bicubic its figure', async () => {
    const stdout = await expectOk(['eval', '--method', 'bicubic', '--scale', '2', '--data', at('set')]);
    const figures = [20, 21].map((number) => {
      const hrImage = generatedPhoto(64, 60, number);
      const lrImage = imresize(hrImage, { scale: 0.5 });
      return psnrDb(imresize(lrImage, { scale: 2 }, { roundBetweenPasses: false }), hrImage, { border: 2 });
    });
    const mean = (figures[0] + figures[1]) / 2;
    expect(stdout).toMatch(new RegExp(`^mean\\s+${mean.toFixed(2)}\\s`, 'm'));
  });
});

describe('upscale', () => {
  test('enlarges a folder with its subfolders, and reports what it leaves out', async () => {
    await writeGeneratedPhotos(at('in'), 1, { width: 20, height: 14 });
    await writeGeneratedPhotos(at('in', 'deep', 'er'), 1, { width: 9, height: 30 });
    await writeFile(at('in', 'notes.txt'), 'text');
    const { code, stdout, stderr } = await runCli(['upscale', at('in'), at('in', 'out'), ...model()]);
    expect(code).toBe(0);
    expect(stdout).toBe('2 pictures enlarged x2 by tiny-x2\n');
    expect(stderr).toContain('skipped: notes.txt');
    const [wide, tall] = await Promise.all([
      readRgbFile(at('in', 'out', 'photo-0.png')),
      readRgbFile(at('in', 'out', 'deep', 'er', 'photo-0.png')),
    ]);
    expect([wide.width, wide.height, tall.width, tall.height]).toEqual([40, 28, 18, 60]);
    // What was written into a subfolder of the input is not enlarged again.
    expect(await expectOk(['upscale', at('in'), at('in', 'out'), ...model()])).toMatch(/^2 pictures/);
    expect((await readdir(at('in', 'out'))).sort()).toEqual(['deep', 'photo-0.png']);
  });

  test('converts by the ending, and keeps transparency', async () => {
    const alpha = await sharp({
      create: { width: 16, height: 12, channels: 4, background: { r: 9, g: 99, b: 200, alpha: 0.5 } },
    })
      .png()
      .toBuffer();
    await writeFile(at('glass.png'), alpha);
    expect(await expectOk(['upscale', at('glass.png'), at('glass.webp'), ...model(), '--scale', '2'])).toMatch(
      /^1 picture /,
    );
    const found = await sharp(at('glass.webp')).metadata();
    expect(found).toMatchObject({ format: 'webp', width: 32, height: 24, hasAlpha: true });
  });

  test('goes on after a broken picture and fails in the end', async () => {
    await writeGeneratedPhotos(at('mixed'), 1);
    await writeFile(at('mixed', 'broken.png'), 'no picture');
    const { code, stderr } = await runCli(['upscale', at('mixed'), at('mixed-out'), ...model()]);
    expect(code).toBe(1);
    expect(stderr).toContain(`error: ${at('mixed', 'broken.png')}`);
    expect(stderr).toContain('1 of 2 pictures');
    expect(await readdir(at('mixed-out'))).toEqual(['photo-0.png']);
  });
});

describe('export', () => {
  test('writes a network that ONNX Runtime runs and that does what `upscale` does', async () => {
    await mkdir(at('onnx'));
    await expectOk(['export', '--model', 'tiny-x2', '--models', at('run'), '--out', at('onnx', 'any.onnx')]);
    await expectOk([
      'export',
      '--model',
      'tiny-x2',
      '--models',
      at('run'),
      '--out',
      at('onnx', 'fixed.onnx'),
      '--size',
      '24x18',
    ]);
    const lrImage = generatedPhoto(24, 18, 4);
    await writeFile(
      at('onnx', 'in.png'),
      await sharp(lrImage.data, { raw: { width: 24, height: 18, channels: 3 } })
        .png()
        .toBuffer(),
    );
    await expectOk(['upscale', at('onnx', 'in.png'), at('onnx', 'out.png'), ...model()]);
    const expected = await readRgbFile(at('onnx', 'out.png'));
    const image = new ort.Tensor(
      'float32',
      Float32Array.from(lrImage.data, (value) => value / 255),
      [1, 18, 24, 3],
    );
    for (const name of ['any.onnx', 'fixed.onnx']) {
      const session = await ort.InferenceSession.create(at('onnx', name));
      const { enlarged } = await session.run({ image });
      expect(enlarged.dims).toEqual([1, 36, 48, 3]);
      let largest = 0;
      for (const [i, value] of (enlarged.data as Float32Array).entries()) {
        largest = Math.max(largest, Math.abs(Math.min(Math.max(value, 0), 1) * 255 - expected.data[i]));
      }
      expect(largest).toBeLessThan(0.51);
      await session.release();
    }
    const fixed = await ort.InferenceSession.create(at('onnx', 'fixed.onnx'));
    const small = new ort.Tensor('float32', new Float32Array(8 * 8 * 3), [1, 8, 8, 3]);
    await expect(fixed.run({ image: small })).rejects.toThrow(/dimension/i);
    await fixed.release();
  });
});

describe('bench', () => {
  test('measures and records once per size', async () => {
    const args = ['bench', ...model(), '--size', '20x16', '--runs', '3', '--record', '--json'];
    const [result] = JSON.parse(await expectOk(args));
    expect(result).toMatchObject({
      model: 'tiny-x2',
      provider: 'cpu',
      threads: 1,
      inputWidth: 20,
      inputHeight: 16,
      runs: 3,
    });
    expect(result.medianMs).toBeGreaterThan(0);
    await expectOk(args);
    const [manifest] = JSON.parse(await expectOk(['models', '--models', at('run'), '--json']));
    expect(manifest.latency).toHaveLength(1);
  });
});

describe('serve', () => {
  test('answers with an enlarged picture and closes in peace', async () => {
    const args = ['serve', '--images', at('photos'), '--models', at('run'), '--port', '0', '--workers', '1'];
    const { child, result } = startCli([...args, '--provider', 'cpu']);
    const url = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout?.on('data', (chunk) => {
        text += chunk;
        const found = /(http:\/\/\S+)\n/.exec(text);
        if (found) resolve(found[1]);
      });
      result.then(({ stderr }) => reject(new Error(stderr)), reject);
    });
    const response = await fetch(`${url}photos/photo-0.png?upscale=2`);
    expect(response.status).toBe(200);
    const { width, height } = await sharp(Buffer.from(await response.arrayBuffer())).metadata();
    expect([width, height]).toEqual([144, 128]);
    child.kill('SIGTERM');
    expect((await result).code).toBe(0);
  });
});
