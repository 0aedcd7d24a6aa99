import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeRgb } from '../../../src/core/codec/decode.ts';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import type { EdgeSpec } from '../../../src/core/network/spec.ts';
import { degradationOf } from '../../../src/trainer/presets/recipes.ts';
import type { DegradationRecipe } from '../../../src/trainer/train/data/degradation-recipe.ts';
import { loadCheckpoint } from '../../../src/trainer/train/run/train-state.ts';
import { type BatchShape, createObjective } from '../../../src/trainer/train/step/objective.ts';
import type { TrainState } from '../../../src/trainer/train/step/stepper.ts';
import {
  checkpointPath,
  type RunEvent,
  type TrainOptions,
  type TrainRecipe,
} from '../../../src/trainer/train/train-model.ts';
import { writeGeneratedPhotos } from '../../helpers/generated-photos.ts';
import { recordRun } from './record-run.ts';
import { TINY } from './tiny-recipe.ts';

let folder: string;
let runs = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-extras-'));
  await writeGeneratedPhotos(join(folder, 'photos'), 4);
  await writeGeneratedPhotos(join(folder, 'small'), 2, { first: 10, width: 20, height: 16 });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const withSteps = (steps: number) => ({ ...TINY.recipe, schedule: { ...TINY.recipe.schedule, steps } });

async function train(options: Partial<TrainOptions> = {}) {
  const run = await recordRun({
    recipe: withSteps(12),
    data: [join(folder, 'photos')],
    resume: false,
    engine: createOnnxEngine(),
    decode: decodeRgb,
    microBatchSize: 2,
    out: join(folder, `run-${runs++}`),
    ...options,
  });
  return { ...run, checkpoint: await readFile(checkpointPath(run.out)) };
}

/** The same run, stopped after `step` and resumed. */
async function trainInTwoParts(step: number, options: Partial<TrainOptions> = {}) {
  const controller = new AbortController();
  const report = (event: RunEvent) => event.type === 'step' && event.step === step && controller.abort();
  const { out } = await train({ ...options, signal: controller.signal, report });
  return train({ ...options, out, resume: true });
}

describe('a curriculum of patch sizes', () => {
  const stages = [
    { fromShare: 0.25, batchSize: 2, lrPatchSize: 16 },
    { fromShare: 0.75, batchSize: 4, lrPatchSize: 8 },
  ];
  const recipe = { ...withSteps(12), checkpointEvery: 5, stages };

  test('changes the batches at its shares of the steps', async () => {
    const { events } = await train({ recipe });
    const order = events.flatMap((event): (string | number)[] => {
      if (event.type === 'stage') return [`${event.batchSize} x ${event.lrPatchSize}`];
      return event.type === 'step' ? [event.step] : [];
    });
    expect(order).toEqual(['4 x 12', 1, 2, 3, '2 x 16', 4, 5, 6, 7, 8, 9, '4 x 8', 10, 11, 12]);
  });

  test('goes on to the same bits wherever it was stopped', async () => {
    const whole = await train({ recipe });
    // At a boundary and inside of the stages behind it.
    for (const step of [3, 6, 10]) {
      expect((await trainInTwoParts(step, { recipe })).checkpoint.equals(whole.checkpoint)).toBe(true);
    }
  });

  test('asks for micro-batches by the stage', async () => {
    const asked: string[] = [];
    const microBatchSize = ({ batchSize, lrPatchSize }: BatchShape) => {
      asked.push(`${batchSize} x ${lrPatchSize}`);
      return 2;
    };
    await train({ recipe, microBatchSize });
    expect(asked).toEqual(['4 x 12', '2 x 16', '4 x 8']);
  });
});

describe('a stage in which only the estimator learns', () => {
  const spec: EdgeSpec = {
    family: 'edge',
    scale: 2,
    featureCount: 4,
    innerWidths: [4, 4],
    code: { width: 5, hidden: 4, estimator: [4, 4, 8] },
  };
  const recipe: TrainRecipe = {
    ...withSteps(40),
    spec,
    degradation: degradationOf(spec) as DegradationRecipe,
    checkpointEvery: 8,
    stages: [{ fromShare: 0.2, batchSize: 8, lrPatchSize: 20, learns: 'estimator', learningRate: 1e-2 }],
  };
  const { layout } = createObjective(spec, recipe.dualWeight);
  const state = async (out: string) =>
    (await loadCheckpoint(checkpointPath(out), fingerprintIn(out)))?.state as TrainState;
  const fingerprintIn = (out: string): string => {
    const bytes = readFileSync(checkpointPath(out));
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString());
    return header['__metadata__'].fingerprint;
  };

  test('moves nothing else, and lowers the error of the codes', async () => {
    const controller = new AbortController();
    const report = (event: RunEvent) => event.type === 'step' && event.step === 8 && controller.abort();
    const { out } = await train({ recipe, signal: controller.signal, report });
    const before = await state(out);
    const { events } = await train({ recipe, out, resume: true });
    const after = await state(out);
    for (const { name, offset, size } of layout.slots) {
      const [old, now] = [before, after].map(({ parameters }) => parameters.slice(offset, offset + size));
      if (name.startsWith('estimator.')) expect(now, name).not.toEqual(old);
      else expect(now, name).toEqual(old);
    }
    const errors = events.flatMap((event) => (event.type === 'step' ? [event.codeLoss as number] : []));
    const mean = (part: readonly number[]) => part.reduce((sum, value) => sum + value, 0) / part.length;
    expect(errors).toHaveLength(32);
    expect(mean(errors.slice(-10))).toBeLessThan(0.8 * mean(errors.slice(0, 5)));
    const rates = events.flatMap((event) => (event.type === 'step' ? [event.learningRate] : []));
    expect(Math.max(...rates)).toBeCloseTo(1e-2, 3);
    expect(rates.at(-1)).toBeLessThan(1e-3);
  });

  test('goes on to the same bits wherever it was stopped', async () => {
    const whole = await train({ recipe });
    for (const step of [8, 19]) {
      expect((await trainInTwoParts(step, { recipe })).checkpoint.equals(whole.checkpoint)).toBe(true);
    }
  });

  test('is refused for a network that guesses nothing', async () => {
    const { degradation: _, ...plain } = recipe;
    await expect(train({ recipe: { ...plain, spec: TINY.recipe.spec } })).rejects.toMatchObject({
      code: 'DS_BAD_OPTION',
    });
  });
});

describe('training with pictures without ground truth', () => {
  const unpaired = () => ({ folders: [join(folder, 'small')], share: 0.3 });

  test('repeats itself from the seed, also after a stop, and is not the run without them', async () => {
    const whole = await train({ unpaired: unpaired() });
    expect(whole.events.find(({ type }) => type === 'start')).toMatchObject({
      dataset: { unpaired: { images: 2, skipped: [] } },
    });
    expect((await trainInTwoParts(5, { unpaired: unpaired() })).checkpoint.equals(whole.checkpoint)).toBe(true);
    expect((await train()).checkpoint.equals(whole.checkpoint)).toBe(false);
  });

  test('says what is wrong with the folder and the share', async () => {
    const noPhotos = { folders: [join(folder, 'run-0')], share: 0.3 };
    await expect(train({ unpaired: noPhotos })).rejects.toMatchObject({
      code: 'DS_BAD_DATA',
      message: expect.stringContaining('`--unpaired`'),
    });
    await expect(train({ unpaired: { ...unpaired(), share: 1 } })).rejects.toThrow(/`--unpaired-share`.*got `1`/);
    const single = { ...TINY.recipe, batchSize: 1 };
    await expect(train({ recipe: single, unpaired: unpaired() })).rejects.toThrow(/`--unpaired`.*at least 2 patches/);
  });
});
