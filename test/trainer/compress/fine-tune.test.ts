import { expect, test } from 'vitest';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import type { Compression } from '../../../src/trainer/compress/compression.ts';
import { tuneRecipe } from '../../../src/trainer/compress/fine-tune.ts';
import { trainingBudgetOf } from '../../../src/trainer/compress/training-budget.ts';
import { findPreset } from '../../../src/trainer/presets/presets.ts';

const { spec } = findPreset('edge-x4').recipe;

function recipeOf(of: NetworkSpec, { tuneSteps, method = 'drc' }: { tuneSteps?: number; method?: string } = {}) {
  const effort = trainingBudgetOf('default', of);
  const settings = { method, seed: 1 } as Compression['settings'];
  return tuneRecipe({ settings, effort: { ...effort, ...(tuneSteps === undefined ? {} : { tuneSteps }) } }, of);
}

test('plain edge networks are tuned with Muon, DRN and networks with a degradation code with Adam', () => {
  expect(recipeOf(spec)).toMatchObject({ optimizer: 'muon', schedule: { learningRate: 4e-3 } });
  for (const id of ['drn-s-x4', 'edge-blind-x4']) {
    const recipe = recipeOf(findPreset(id).recipe.spec);
    expect(recipe).toMatchObject({ optimizer: 'adam', schedule: { learningRate: 2e-3 } });
  }
});

test('Muon takes a lower rate in a run of few steps, Adam the same', () => {
  const rateOf = (of: NetworkSpec, tuneSteps: number) => recipeOf(of, { tuneSteps }).schedule.learningRate;
  expect(rateOf(spec, 900)).toBe(4e-3);
  expect(rateOf(spec, 9)).toBeCloseTo(4e-4, 10);
  expect(rateOf(findPreset('drn-s-x4').recipe.spec, 9)).toBe(2e-3);
});

test('from random weights each takes the rate of its presets', () => {
  expect(recipeOf(spec, { method: 'scratch' }).schedule.learningRate).toBe(
    findPreset('edge-x4').recipe.schedule.learningRate,
  );
  expect(recipeOf(findPreset('drn-s-x4').recipe.spec, { method: 'scratch' }).schedule.learningRate).toBe(2e-3);
});
