import { describe, expect, test } from 'vitest';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import { createDuals } from '../../../src/core/network/dual.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';
import { tf } from '../../../src/core/tf.ts';
import {
  flattenParameters,
  layOutParameters,
  nameParameters,
  sliceParameters,
  unflattenParameters,
} from '../../../src/trainer/train/step/parameter-layout.ts';

const specs: readonly NetworkSpec[] = [
  { family: 'edge', scale: 2, featureCount: 4, innerWidths: [3, 5] },
  { family: 'drn', scale: 4, featureCount: 4, blockCount: 1 },
];

describe.each(specs)('the layout of $family with its duals', (spec) => {
  const networks = [createNetwork(spec), ...createDuals(spec)];
  const layout = layOutParameters(networks);
  const values = Object.assign({}, ...networks.map((network) => initialiseParameters(network, createRandom(3))));

  test('holds every parameter once, without gaps', () => {
    const names = layout.slots.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.sort()).toEqual(Object.keys(values).sort());
    let end = 0;
    for (const { offset, size } of layout.slots) {
      expect(offset).toBe(end);
      end += size;
    }
    expect(layout.size).toBe(end);
  });

  test('gives back what was put in', () => {
    const flat = flattenParameters(layout, values);
    const back = Object.assign({}, ...networks.map((network) => unflattenParameters(layout, flat, network)));
    expect(back).toEqual(values);
  });

  test('cuts the same values inside a program', async () => {
    await tf.setBackend('cpu');
    const flat = tf.tensor1d(flattenParameters(layout, values));
    for (const [name, tensor] of Object.entries(nameParameters(layout, sliceParameters(layout, flat)))) {
      expect(tensor.shape).toEqual(values[name].shape);
      expect(await tensor.data()).toEqual(values[name].data);
    }
  });

  test('refuses values that are missing or too short', () => {
    const [name] = Object.keys(values);
    expect(() => flattenParameters(layout, { ...values, [name]: { shape: [1], data: new Float32Array(1) } })).toThrow(
      name,
    );
  });
});
