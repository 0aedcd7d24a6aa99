import { describe, expect, test } from 'vitest';
import { isModelId } from '../../../src/core/models/manifest.ts';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import { countParameters } from '../../../src/core/network/network.ts';
import { findPreset, PRESETS } from '../../../src/trainer/presets/presets.ts';
import { parsePreset } from '../../../src/trainer/train/parse-preset.ts';
import { describeSettings } from '../../../src/trainer/train/run/publish-run.ts';
import { chooseMicroBatchSize } from '../../../src/trainer/train/step/micro-batch.ts';

describe.each(PRESETS)('preset $id', (preset) => {
  test('would be accepted as a file', () => {
    expect(parsePreset(JSON.parse(JSON.stringify(preset)), 'preset')).toEqual(preset);
    expect(isModelId(preset.id)).toBe(true);
    expect(preset.id).toMatch(new RegExp(`x${preset.recipe.spec.scale}$`));
  });

  test('is as large as its description says, if it does', () => {
    const { spec } = preset.recipe;
    const match = /([\d.]+) (thousand|million) parameters/.exec(preset.description);
    if (!match) return expect(preset.id).toMatch(/^edge-x[23]$/);
    const [unit, digits] = [match[2] === 'million' ? 1e6 : 1e3, match[1].split('.')[1]?.length ?? 0];
    expect((countParameters(createNetwork(spec)) / unit).toFixed(digits)).toBe(match[1]);
  });
});

describe('findPreset', () => {
  test('names the presets there are', () => {
    expect(findPreset('edge-x4').recipe.spec.scale).toBe(4);
    expect(() => findPreset('edge-x5')).toThrow(/expected `--preset` to be one of edge-x4, .*, got `edge-x5`/);
  });
});

test('the smallest network is below 60,000 parameters', () => {
  expect(countParameters(createNetwork(findPreset('edge-s-x4').recipe.spec))).toBe(53_808);
});

test('of the DRN for CPUs one patch at a time fills the cache', () => {
  const { spec, batchSize, lrPatchSize } = findPreset('drn-xs-x4').recipe;
  expect(chooseMicroBatchSize(createNetwork(spec), { batchSize, lrPatchSize, workers: 2 })).toBe(1);
});

describe('parsePreset', () => {
  const good = JSON.parse(JSON.stringify(findPreset('edge-x4')));

  const stageFrom = (fromShare: number) => ({ fromShare, batchSize: 8, lrPatchSize: 48 });
  const withStages = (stages: readonly object[]) => ({ ...good, recipe: { ...good.recipe, stages } });

  test('takes stages over', () => {
    const stages = [stageFrom(0.5), stageFrom(0.9)];
    expect(parsePreset(withStages(stages), 'my.json').recipe.stages).toEqual(stages);
  });

  test('takes an augmentation over, and refuses what it cannot be', () => {
    const withAugmentation = (augmentation: object) => ({ ...good, recipe: { ...good.recipe, augmentation } });
    const augmentation = { channelShuffle: 0.5, copies: [0.8, 0.6] };
    expect(parsePreset(withAugmentation(augmentation), 'my.json').recipe.augmentation).toEqual(augmentation);
    for (const [wrong, field] of [
      [{ channelShuffle: 2 }, 'channelShuffle'],
      [{ copies: [1] }, 'copies'],
      [{ copies: 'many' }, 'copies'],
      [{ copies: Array(9).fill(0.5) }, 'copies'],
      [{ mirror: true }, 'mirror'],
    ] as const) {
      expect(() => parsePreset(withAugmentation(wrong), 'my.json'), field).toThrow(`recipe.augmentation.${field}`);
    }
  });

  const blind = JSON.parse(JSON.stringify(findPreset('edge-blind-x4')));
  const estimatorStage = { ...stageFrom(0.8), learns: 'estimator' };

  test('takes a recipe as it may be at most, and one line of the manifest holds what it says', () => {
    const stages = Array.from({ length: 8 }, (_, i) => ({
      fromShare: 0.1111 + i / 9,
      batchSize: 4096,
      lrPatchSize: 1024,
      learns: 'estimator',
      learningRate: 0.0000012345678901234,
    }));
    const third = 1 / 3;
    const degradation = {
      sigma: [third, 10 + third],
      anisotropicSigma: [third, 10 + third],
      anisotropicShare: third,
      clearShare: third,
      disturbance: third,
      noiseSigma: [third, 50 + third],
      noiseShare: third,
      jpegQuality: [10 + third, 50 + third],
      jpegShare: third,
      givenShare: third,
    };
    const { recipe } = parsePreset({ ...blind, recipe: { ...blind.recipe, stages, degradation } }, 'my.json');
    const described = describeSettings(recipe, { workers: 2, microBatchSize: 4, engine: 'onnx/cpu' });
    const texts = Object.values(described).filter((value) => typeof value === 'string');
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThanOrEqual(500);
    expect(described['stages']).toContain('from 0.889: 4096 of 1024 pixels');
  });

  test('says of few stages all that there is to say', () => {
    const stages = [stageFrom(0.5), { ...estimatorStage, learningRate: 2e-3 }];
    const { recipe } = parsePreset({ ...blind, recipe: { ...blind.recipe, stages } }, 'my.json');
    expect(describeSettings(recipe, { workers: 2, microBatchSize: 4, engine: 'onnx/cpu' })['stages']).toBe(
      'from 0.5: 8 of 48 pixels; from 0.8: 8 of 48 pixels for the estimator alone from a rate of 0.002',
    );
  });

  test.each([
    [
      'recipe.stages[1].learns',
      withStages([stageFrom(0.5), estimatorStage]),
      '`recipe.stages\\[1\\].learns`.*no degradation code, got `estimator`',
    ],
    [
      'recipe.degradation',
      { ...blind, recipe: { ...blind.recipe, degradation: undefined } },
      '`recipe.degradation` to be given',
    ],
    ['id', { ...good, id: 'Edge X4' }, '`id`'],
    ['recipe.batchSize', { ...good, recipe: { ...good.recipe, batchSize: 0 } }, '`recipe.batchSize`'],
    ['recipe.optimizer', { ...good, recipe: { ...good.recipe, optimizer: 'sgd' } }, '`recipe.optimizer`'],
    ['recipe.lernRate', { ...good, recipe: { ...good.recipe, lernRate: 1 } }, '`recipe.lernRate`'],
    [
      'recipe.schedule.steps',
      { ...good, recipe: { ...good.recipe, schedule: { learningRate: 1e-3, steps: 1.5 } } },
      '`recipe.schedule.steps`',
    ],
    [
      'recipe.stages[0].batchSize',
      withStages([{ fromShare: 0.5, batchSize: 0, lrPatchSize: 32 }]),
      '`recipe.stages\\[0\\].batchSize`',
    ],
    ['stages[1].fromShare', withStages([stageFrom(0.5), stageFrom(0.5)]), '`stages\\[1\\].fromShare`'],
    ['spec.scale', { ...good, recipe: { ...good.recipe, spec: { ...good.recipe.spec, scale: 5 } } }, '`spec.scale`'],
  ])('refuses a bad %s and names it', (_, value, named) => {
    expect(() => parsePreset(value, 'my.json')).toThrow(expect.objectContaining({ code: 'DS_BAD_OPTION' }));
    expect(() => parsePreset(value, 'my.json')).toThrow(new RegExp(`^my.json: expected ${named.replace('.', '\\.')}`));
  });
});
