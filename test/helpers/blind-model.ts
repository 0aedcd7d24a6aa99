/** A real network that shows what it was told, and always guesses the same. */
import { publishModel } from '../../src/core/models/publish.ts';
import { createNetwork, initialiseParameters } from '../../src/core/network/create-network.ts';
import type { EdgeSpec } from '../../src/core/network/spec.ts';

const spec: EdgeSpec = {
  family: 'edge',
  scale: 2,
  featureCount: 1,
  innerWidths: [1],
  code: { width: 5, hidden: 1, estimator: [1, 1, 1] },
};

/**
 * Publishes `told-x2`, or `id`: it repeats pixels and adds the code's noise entry (1 for a sigma of 25) to them, and always guesses `guess`:
 * its answer shows what it was told.
 */
export async function publishBlindModel(directory: string, guess: readonly number[], id = 'told-x2'): Promise<void> {
  const parameters = initialiseParameters(createNetwork(spec), () => 0.5);
  const set = (name: string, index: number, value: number) => {
    parameters[name].data[index] = value;
  };
  set('code.0.weight', 3, 1);
  set('code.1.weight', 0, 1);
  set('body.0.conv1.shift.weight', 0, 1);
  // The middle of 3x3.
  set('body.0.conv2.weight', 4, 1);
  for (let channel = 0; channel < 12; channel++) set('tail.weight', 4 * 12 + channel, 1);
  for (const [i, value] of guess.entries()) set('estimator.guess.bias', i, value);
  const provenance = {
    trainer: '0.0.0',
    data: 'none',
    seeds: [],
    steps: 0,
    recipe: {},
    date: '2026-01-01',
    machine: 'none',
  };
  const draft = { id, version: '1.0.0', license: 'MIT', degradation: 'blind' as const };
  await publishModel(directory, { ...draft, spec, provenance, quality: [], latency: [] }, parameters);
}
