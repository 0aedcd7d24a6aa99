import { describe, expect, test } from 'vitest';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { DualSpec, NetworkSpec } from '../../../src/core/network/spec.ts';
import { seeded } from './bridge.ts';

const SPECS: (NetworkSpec | DualSpec)[] = [
  { family: 'edge', scale: 3, featureCount: 8, innerWidths: [4, 6] },
  { family: 'drn', scale: 4, featureCount: 4, blockCount: 2 },
  { family: 'dual', scale: 8, featureCount: 4 },
];

describe('createNetwork', () => {
  test.each(SPECS)('builds $family from its spec, with a name for every parameter', (spec) => {
    const network = createNetwork(spec);
    expect(network.spec).toBe(spec);
    const names = network.parameters.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      network.layers.flatMap(({ name, bias = true }) => [`${name}.weight`, ...(bias ? [`${name}.bias`] : [])]),
    );
  });
});

describe('initialiseParameters', () => {
  const network = createNetwork({ family: 'drn', scale: 2, featureCount: 16, blockCount: 2 });

  test('fills U(-1/sqrt(fanIn), 1/sqrt(fanIn)) for weights and biases', () => {
    const values = initialiseParameters(network, seeded(1));
    for (const { name, shape, fanIn } of network.parameters) {
      const { data } = values[name] as (typeof values)[string];
      const scaled = [...data].map((value) => value * Math.sqrt(fanIn));
      expect(data).toHaveLength(shape.reduce((size, axis) => size * axis, 1));
      expect(Math.max(...scaled.map(Math.abs))).toBeLessThanOrEqual(1 + 1e-6);
      if (data.length < 1000) continue;
      const mean = scaled.reduce((sum, value) => sum + value, 0) / data.length;
      const variance = scaled.reduce((sum, value) => sum + value ** 2, 0) / data.length;
      expect(Math.abs(mean)).toBeLessThan(0.08);
      expect(Math.abs(variance - 1 / 3)).toBeLessThan(0.04);
    }
  });

  test('the fan-in is kernel area times input channels, for the bias too', () => {
    const fanIns = Object.fromEntries(network.parameters.map(({ name, fanIn }) => [name, fanIn]));
    expect(fanIns['head.weight']).toBe(27);
    expect(fanIns['head.bias']).toBe(27);
    expect(fanIns['up.0.mix.bias']).toBe(32);
  });

  test('equal random numbers give equal parameters', () => {
    expect(initialiseParameters(network, seeded(7))).toEqual(initialiseParameters(network, seeded(7)));
    expect(initialiseParameters(network, seeded(7))).not.toEqual(initialiseParameters(network, seeded(8)));
  });
});
