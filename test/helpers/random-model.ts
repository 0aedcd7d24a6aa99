/** A network with weights of its own, so that its pixels tell it from others. */
import { publishModel } from '../../src/core/models/publish.ts';
import { createNetwork, initialiseParameters } from '../../src/core/network/create-network.ts';
import type { EdgeSpec } from '../../src/core/network/spec.ts';

const PROVENANCE = {
  trainer: '0.0.0',
  data: 'none',
  seeds: [],
  steps: 0,
  recipe: {},
  date: '2026-01-01',
  machine: 'none',
};

/** Publishes it into `directory`, in the place of one of the same id; `seed` from 1 decides the weights. */
export async function publishRandomModel(
  directory: string,
  id: string,
  scale: 2 | 3 | 4,
  seed: number,
  featureCount = 4,
): Promise<void> {
  const spec: EdgeSpec = { family: 'edge', scale, featureCount, innerWidths: [4] };
  let state = seed;
  const random = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const parameters = initialiseParameters(createNetwork(spec), random);
  const draft = { id, version: '1.0.0', license: 'MIT', degradation: 'bicubic' as const, quality: [], latency: [] };
  await publishModel(directory, { ...draft, spec, provenance: PROVENANCE }, parameters);
}
