import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeRgb } from '../../../src/core/codec/decode.ts';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { trainRun } from '../../../src/trainer/train/run/train-run.ts';
import { type TrainRecipe, trainModel } from '../../../src/trainer/train/train-model.ts';
import { TINY } from './tiny-recipe.ts';

/** Nothing is read or written before the recipe is checked. */
const out = join(tmpdir(), 'dualscale-never-begun');
const common = {
  data: [join(out, 'no-photographs')],
  out,
  resume: false,
  engine: createOnnxEngine(),
  decode: decodeRgb,
  report: () => {},
};
const withStages = (stages: NonNullable<TrainRecipe['stages']>): TrainRecipe => ({ ...TINY.recipe, stages });

describe('a recipe that a program made is refused before its first step', () => {
  test('when only an estimator shall learn that the network has not', async () => {
    const recipe = withStages([
      { fromShare: 0.5, batchSize: 4, lrPatchSize: 12 },
      { fromShare: 0.8, batchSize: 4, lrPatchSize: 12, learns: 'estimator' },
    ]);
    await expect(trainModel({ ...common, recipe })).rejects.toThrow(
      'expected `recipe.stages[1].learns` to be `all`: the network has no degradation code, got `estimator`',
    );
  });

  test('when the manifest would not hold what there is to say of it', async () => {
    const stages = Array.from({ length: 20 }, (_, i) => ({ fromShare: (i + 1) / 21, batchSize: 4, lrPatchSize: 12 }));
    const run = trainRun({
      ...common,
      preset: { ...TINY, recipe: withStages(stages) },
      workers: 1,
      license: 'MIT',
      machine: 'a test',
      now: Date.now,
      warn: () => {},
    });
    await expect(run).rejects.toThrow(
      /^expected `stages` to be what 500 characters can describe, for the manifest, got/,
    );
    expect(existsSync(out)).toBe(false);
  });
});
