import { beforeAll, describe, expect, test } from 'vitest';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { type Tensor4D, tf } from '../../../src/core/tf.ts';
import { startState } from '../../../src/trainer/train/run/train-state.ts';
import { createObjective } from '../../../src/trainer/train/step/objective.ts';
import { unflattenParameters } from '../../../src/trainer/train/step/parameter-layout.ts';
import {
  largestDifference,
  randomParameters,
  randomPlane,
  toPlane,
  toTensor,
  type Values,
} from '../../core/network/bridge.ts';

const edge = (...innerWidths: number[]): NetworkSpec => ({ family: 'edge', scale: 2, featureCount: 4, innerWidths });
const drn = (blockCount: number): NetworkSpec => ({ family: 'drn', scale: 2, featureCount: 4, blockCount });

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** What a run with `spec` begins with. */
function start(spec: NetworkSpec, startFrom?: Values): Values {
  const objective = createObjective(spec, 0.1);
  const { state } = startState(objective, 3, startFrom);
  return unflattenParameters(objective.layout, state.parameters, objective.primal);
}

function enlarge(spec: NetworkSpec, values: Values) {
  const tensors = Object.fromEntries(
    Object.entries(values).map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]),
  );
  return toPlane(
    createNetwork(spec)
      .forward(tensors, toTensor(randomPlane(3, 8, 8)))
      .at(-1) as Tensor4D,
  );
}

describe('startState', () => {
  test.each([
    ['edge', edge(4, 4), edge(4, 4, 4, 4)],
    ['drn', drn(1), drn(3)],
  ])('lets a deeper %s begin as the shallower one it starts from', (_, shallow, deep) => {
    const { values } = randomParameters(createNetwork(shallow));
    const expected = enlarge(shallow, values);
    expect(largestDifference(enlarge(deep, start(deep, values)), expected)).toBeLessThan(1e-6);
    expect(largestDifference(enlarge(deep, start(deep)), expected)).toBeGreaterThan(1e-3);
  });

  test('leaves the first convolution of an added block random, so that it can learn', () => {
    const { values } = randomParameters(createNetwork(edge(4)));
    const started = start(edge(4, 6), values);
    expect(started['body.1.conv1.weight']).toEqual(start(edge(4, 6))['body.1.conv1.weight']);
    expect(new Set(started['body.1.conv2.weight']?.data)).toEqual(new Set([0]));
    expect(new Set(started['body.1.conv2.bias']?.data)).toEqual(new Set([0]));
  });

  test('begins at random where no block of the other network fits', () => {
    const { values } = randomParameters(createNetwork({ ...edge(8, 8), featureCount: 8 } as NetworkSpec));
    const blocks = (started: Values) => Object.entries(started).filter(([name]) => name.startsWith('body.'));
    expect(blocks(start(edge(4, 4), values))).toEqual(blocks(start(edge(4, 4))));
  });
});
