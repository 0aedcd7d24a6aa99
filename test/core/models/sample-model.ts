/** A model small enough to publish many times in a test. */

import type { ModelDraft } from '../../../src/core/models/publish.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { EdgeSpec, ParameterValues } from '../../../src/core/network/spec.ts';

const sampleSpec: EdgeSpec = { family: 'edge', scale: 2, featureCount: 4, innerWidths: [3] };

export const sampleDraft: ModelDraft = {
  id: 'edge-x2',
  version: '1.0.0',
  license: 'MIT',
  spec: sampleSpec,
  degradation: 'bicubic',
  provenance: {
    trainer: '0.1.0',
    data: 'none: random weights',
    seeds: [1],
    steps: 0,
    recipe: { learningRate: 0.002, schedule: 'cosine', ema: true },
    date: '2026-11-22',
    machine: 'a test',
  },
  quality: [],
  latency: [],
};

/** Every weight is `fill`, so one number tells which version was read. */
export function sampleParameters(fill = 0.5): Record<string, ParameterValues> {
  const parameters = initialiseParameters(createNetwork(sampleSpec), () => 0);
  for (const { data } of Object.values(parameters)) data.fill(fill);
  return parameters;
}
