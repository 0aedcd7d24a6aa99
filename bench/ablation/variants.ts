/** What is compared: the same small network at equal steps, with one thing changed. */

import { findPreset, type TrainPreset } from '../../src/trainer/presets/presets.ts';

const EDGE_S_X4 = findPreset('edge-s-x4');

export interface Variant {
  /** Also the name of its folder. */
  readonly name: string;
  readonly study: 'dual weight' | 'unpaired adaptation';
  readonly preset: TrainPreset;
  /** Starts from the run of this name and learns from the pictures without ground truth. */
  readonly adapts?: { readonly from: string; readonly isUnpaired: boolean };
}

const DUAL_WEIGHTS = [0, 0.01, 0.1, 1];

function withRecipe(name: string, changes: Partial<TrainPreset['recipe']>): TrainPreset {
  const { recipe } = EDGE_S_X4;
  return { id: `ablation-${name}`, description: name, recipe: { ...recipe, validateEvery: 250, ...changes } };
}

const nameOf = (dualWeight: number, seed: number) => `dual-${String(dualWeight).replace('.', '-')}-seed-${seed}`;

export function dualWeightVariants(seeds: readonly number[], steps: number): Variant[] {
  const schedule = { ...EDGE_S_X4.recipe.schedule, steps };
  return seeds.flatMap((seed) =>
    DUAL_WEIGHTS.map((dualWeight) => {
      const name = nameOf(dualWeight, seed);
      return { name, study: 'dual weight', preset: withRecipe(name, { schedule, seed, dualWeight }) };
    }),
  );
}

/** Adapted from the runs with the paper's weight, at a quarter of the steps and half the rate. */
export function unpairedVariants(seeds: readonly number[], steps: number): Variant[] {
  const { schedule: usual } = EDGE_S_X4.recipe;
  const schedule = { ...usual, steps: Math.ceil(steps / 4), learningRate: usual.learningRate / 2, warmupSteps: 50 };
  return seeds.flatMap((seed) =>
    [false, true].map((isUnpaired) => {
      const name = `${isUnpaired ? 'unpaired' : 'paired-only'}-seed-${seed}`;
      const preset = withRecipe(name, { schedule, seed: seed + 100, dualWeight: 0.1 });
      return { name, study: 'unpaired adaptation', preset, adapts: { from: nameOf(0.1, seed), isUnpaired } };
    }),
  );
}
