import { statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeRgb } from '../../../src/core/codec/decode.ts';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { EdgeSpec } from '../../../src/core/network/spec.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { imresize } from '../../../src/core/pixels/imresize.ts';
import { createRandom } from '../../../src/core/random.ts';
import { type Tensor4D, tf } from '../../../src/core/tf.ts';
import { findPreset } from '../../../src/trainer/presets/presets.ts';
import { SYMMETRIES } from '../../../src/trainer/train/data/batches.ts';
import { loadDataset } from '../../../src/trainer/train/data/dataset.ts';
import { makePseudoLabels, type PseudoLabelOptions } from '../../../src/trainer/train/pseudo-labels/pseudo-labels.ts';
import {
  addTurnedBack,
  backProject,
  enlargeWhole,
  type LabelTeacher,
  openTeacher,
  stripsOf,
  turn,
} from '../../../src/trainer/train/pseudo-labels/self-ensemble.ts';
import { toFloat } from '../../../src/trainer/train/run/primal-program.ts';
import { checkpointPath, type RunEvent, type TrainOptions } from '../../../src/trainer/train/train-model.ts';
import { generatedPhoto, writeGeneratedPhotos } from '../../helpers/generated-photos.ts';
import { recordRun } from './record-run.ts';
import { TINY } from './tiny-recipe.ts';

const spec = TINY.recipe.spec as EdgeSpec;
const randomTeacher = (seed: number, own: EdgeSpec = spec): LabelTeacher => ({
  spec: own,
  parameters: initialiseParameters(createNetwork(own), createRandom(seed, 1)),
});

const hrImage = generatedPhoto(44, 36, 3);
const lrImage = imresize(hrImage, { scale: 0.5 });
const pyramid = new Map([
  [1, lrImage],
  [2, hrImage],
]);

/** What a network makes of a picture, by TF.js. */
async function enlargeByTf({ spec: own, parameters }: LabelTeacher, image: Tensor4D): Promise<Tensor4D> {
  const weights = Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]),
  );
  return createNetwork(own).forward(weights, image).at(-1) as Tensor4D;
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

test('the symmetries of a picture of two rows and three columns', () => {
  const gray = (...values: number[]) => Float32Array.from(values.flatMap((v) => [v, v, v]));
  const picture = { width: 3, height: 2, data: gray(1, 2, 3, 4, 5, 6) };
  const turned = SYMMETRIES.map((symmetry) => turn(picture, symmetry));
  expect(turned.map(({ data }) => Array.from(data.filter((_, i) => i % 3 === 0)).join(''))).toEqual([
    ...['123456', '321654', '456123', '654321'],
    ...['142536', '362514', '415263', '635241'],
  ]);
  expect(turned.map(({ width }) => width)).toEqual([3, 3, 3, 3, 2, 2, 2, 2]);
  for (const symmetry of SYMMETRIES) {
    const sum = { ...picture, data: gray(10, 10, 10, 10, 10, 10) };
    addTurnedBack(sum, turned[symmetry].data, symmetry);
    expect(sum.data).toEqual(gray(11, 12, 13, 14, 15, 16));
  }
});

describe('strips', () => {
  test('cover every row once and read the halo around them', () => {
    expect(stripsOf({ width: 10, height: 7 }, 2, 30)).toEqual([
      { top: 0, bottom: 3, readTop: 0, readBottom: 5 },
      { top: 3, bottom: 6, readTop: 1, readBottom: 7 },
      { top: 6, bottom: 7, readTop: 4, readBottom: 7 },
    ]);
    expect(stripsOf({ width: 10, height: 3 }, 2, 30)).toHaveLength(1);
    // A row is never cut, and a network that must see everything sees it.
    expect(stripsOf({ width: 100, height: 2 }, 0, 30)).toHaveLength(2);
    expect(stripsOf({ width: 10, height: 700 }, undefined, 30)).toHaveLength(1);
  });

  test('give what the whole picture gives', async () => {
    const teacher = await openTeacher(createOnnxEngine(), randomTeacher(5));
    const picture = toFloat(lrImage);
    const whole = await enlargeWhole(teacher, picture);
    const strips = await enlargeWhole(teacher, picture, 5 * picture.width);
    await teacher.release();
    expect(whole).toHaveLength(hrImage.data.length);
    expect(largestDifference(strips, whole)).toBeLessThan(1e-5);
  });
});

describe('back-projection', () => {
  const reducedError = ({ data }: { data: Float32Array }): number => {
    const bytes = new Uint8Array(Uint8ClampedArray.from(data, (v) => v * 255).buffer);
    const reduced = imresize({ ...hrImage, data: bytes }, { scale: 0.5 });
    return reduced.data.reduce((sum, v, i) => sum + (v - lrImage.data[i]) ** 2, 0) / reduced.data.length;
  };

  test('makes a blurred picture give its input back, far better than before', () => {
    const enlarged = toFloat(imresize(lrImage, { scale: 2 }));
    const before = reducedError(enlarged);
    backProject(enlarged, lrImage, 2);
    expect(before).toBeGreaterThan(1);
    expect(reducedError(enlarged)).toBeLessThan(before / 4);
  });

  test('leaves alone what gives its input back', () => {
    const flat = (width: number, height: number): PixelImage => ({
      width,
      height,
      channels: 3,
      data: new Uint8Array(width * height * 3).fill(77),
    });
    const enlarged = toFloat(flat(12, 8));
    backProject(enlarged, flat(6, 4), 2);
    expect(largestDifference(enlarged.data, toFloat(flat(12, 8)).data)).toBeLessThan(1 / 30_000);
  });
});

describe('makePseudoLabels', () => {
  const engine = createOnnxEngine();
  const teachers = [randomTeacher(5), randomTeacher(6, { ...spec, innerWidths: [4, 4] })];
  const teach = (options: Partial<PseudoLabelOptions> = {}) =>
    makePseudoLabels([pyramid], { teachers, share: 1, ...options }, engine);

  test('is the mean over networks and symmetries, back-projected', async () => {
    const image = tf.tensor4d(toFloat(lrImage).data, [1, lrImage.height, lrImage.width, 3]);
    let sum: Tensor4D = tf.zeros([1, hrImage.height, hrImage.width, 3]);
    for (const teacher of teachers) {
      for (const axes of [[], [1], [2], [1, 2]]) {
        const mirrored: Tensor4D = tf.reverse(image, axes);
        sum = tf.add(sum, tf.reverse(await enlargeByTf(teacher, mirrored), axes));
        const diagonal: Tensor4D = tf.transpose(mirrored, [0, 2, 1, 3]);
        const back: Tensor4D = tf.transpose(await enlargeByTf(teacher, diagonal), [0, 2, 1, 3]);
        sum = tf.add(sum, tf.reverse(back, axes));
      }
    }
    const expected = {
      width: hrImage.width,
      height: hrImage.height,
      data: (await sum.data<'float32'>()).map((v) => v / 16),
    };
    backProject(expected, lrImage, 2);
    const [taught] = await teach();
    const clamped = expected.data.map((v) => 255 * Math.min(1, Math.max(0, v)));
    expect(largestDifference((taught.get(2) as PixelImage).data, clamped)).toBeLessThan(0.51);
    expect(taught.get(1)).toBe(lrImage);
  });

  test('mixes with the photograph by the share', async () => {
    const [[whole], [part]] = [await teach(), await teach({ share: 0.25 })];
    const mixed = (whole.get(2) as PixelImage).data.map((v, i) => Math.round(0.25 * v + 0.75 * hrImage.data[i]));
    expect(largestDifference((part.get(2) as PixelImage).data, mixed)).toBeLessThanOrEqual(1);
  });

  test('stops between two photographs', async () => {
    const controller = new AbortController();
    const options = { onProgress: () => controller.abort(), signal: controller.signal };
    const teaching = makePseudoLabels([pyramid, pyramid], { teachers, share: 1 }, engine, options);
    await expect(teaching).rejects.toMatchObject({ code: 'DS_ABORTED' });
  });
});

describe('a run whose ground truth others make', () => {
  let folder: string;
  let runs = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dualscale-targets-'));
    await writeGeneratedPhotos(join(folder, 'photos'), 4);
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  const recipe = { ...TINY.recipe, dualWeight: 0, schedule: { steps: 8, learningRate: 1e-5, warmupSteps: 1 } };
  const targets = { teachers: [randomTeacher(5)], share: 1 };
  async function train(options: Partial<TrainOptions> = {}) {
    const run = await recordRun({
      recipe,
      data: [join(folder, 'photos')],
      resume: false,
      validationShare: 0,
      engine: createOnnxEngine(),
      decode: decodeRgb,
      out: join(folder, `run-${runs++}`),
      ...options,
    });
    return { ...run, checkpoint: await readFile(checkpointPath(run.out)) };
  }

  test('learns them and not the photographs', async () => {
    const dataset = await loadDataset({
      folders: [join(folder, 'photos')],
      levels: [1, 2],
      minLrSide: 12,
      validationShare: 0,
      decode: decodeRgb,
    });
    const taughtPyramids = await makePseudoLabels(dataset.train, targets, createOnnxEngine());
    const [taught, expected, plain] = [
      await train({ targets }),
      await train({ dataset: { ...dataset, train: taughtPyramids } }),
      await train(),
    ];
    expect(taught.checkpoint.equals(expected.checkpoint)).toBe(true);
    expect(taught.losses[0]).not.toBe(plain.losses[0]);
    const told = taught.events.flatMap((event) => (event.type === 'targets' ? [`${event.done}/${event.total}`] : []));
    expect(told).toEqual(['1/4', '2/4', '3/4', '4/4']);
  });

  test('goes on to the same bits where it was stopped', async () => {
    const whole = await train({ targets });
    const controller = new AbortController();
    const report = (event: RunEvent) => event.type === 'step' && event.step === 3 && controller.abort();
    const { out } = await train({ targets, signal: controller.signal, report });
    const kept = await readdir(join(out, 'targets'));
    expect(kept).toHaveLength(4);
    // One is lost and one damaged: both are made again, the others not.
    await rm(join(out, 'targets', kept[0]));
    await writeFile(join(out, 'targets', kept[1]), 'short');
    const before = await stat(join(out, 'targets', kept[2]));
    let after = before;
    const resumed = await train({
      targets,
      out,
      resume: true,
      report(event) {
        if (event.type === 'start') after = statSync(join(out, 'targets', kept[2]));
      },
    });
    expect(after.mtimeMs).toBe(before.mtimeMs);
    expect(resumed.checkpoint.equals(whole.checkpoint)).toBe(true);
    expect(await readdir(out)).not.toContain('targets');
  });

  test('is the only one that clears its folder of targets', async () => {
    const out = join(folder, 'plain');
    await mkdir(join(out, 'targets'), { recursive: true });
    await train({ out });
    expect(await readdir(out)).toContain('targets');
  });

  test('refuses a share of nothing, another scale, and recipes that degrade their ground truth', async () => {
    const refusal = (options: Partial<TrainOptions>) => train(options).catch((error: Error) => error.message);
    expect(await refusal({ targets: { ...targets, share: 0 } })).toContain('`--pseudo-labels-share`');
    const other = randomTeacher(5, { ...spec, scale: 4 });
    expect(await refusal({ targets: { ...targets, teachers: [other] } })).toContain('one of scale 4');
    const blind = findPreset('edge-blind-x2').recipe;
    expect(await refusal({ recipe: blind, targets })).toContain('must be a photograph');
  });
});
