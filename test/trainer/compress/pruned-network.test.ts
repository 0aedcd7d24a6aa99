import { describe, expect, test } from 'vitest';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import { countParameters } from '../../../src/core/network/network.ts';
import { prunableWidths } from '../../../src/core/network/prunable.ts';
import type { NetworkSpec, ParameterValues } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';
import { pruneNetwork } from '../../../src/trainer/compress/prune/pruned-network.ts';
import { forwardOnCpu } from '../../helpers/forward-on-cpu.ts';

const EDGE: NetworkSpec = { family: 'edge', scale: 2, featureCount: 6, innerWidths: [6, 5, 4] };
const TOLD: NetworkSpec = { ...EDGE, code: { width: 5, hidden: 4, estimator: [4, 4, 4] } };
const DRN: NetworkSpec = { family: 'drn', scale: 4, featureCount: 8, blockCount: 1 };

const parametersOf = (spec: NetworkSpec) => initialiseParameters(createNetwork(spec), createRandom(5));

function image(side: number) {
  const random = createRandom(6);
  const data = Float32Array.from({ length: side * side * 3 }, random);
  return { dtype: 'float32', shape: [1, side, side, 3], data } as const;
}

/** The mask by its definition: the inputs of the reading convolution are zero, and a block without any has no bias. */
function mask(spec: NetworkSpec, parameters: Record<string, ParameterValues>, kept: Record<string, number[]>) {
  const masked = structuredClone(parameters);
  for (const { name, consumer } of prunableWidths(spec)) {
    const { shape, data } = masked[`${consumer.layer}.weight`];
    const [, , inputs, outputs] = shape;
    for (let i = 0; i < data.length; i++) if (!kept[name].includes(Math.floor(i / outputs) % inputs)) data[i] = 0;
    if (kept[name].length === 0) masked[`${consumer.layer}.bias`].data.fill(0);
  }
  return masked;
}

describe('pruneNetwork', () => {
  const everyThird = (spec: NetworkSpec) =>
    Object.fromEntries(
      prunableWidths(spec).map(({ name, width }) => [
        name,
        Array.from({ length: width }, (_, c) => c).filter((c) => c % 3 !== 1),
      ]),
    );
  test.each([
    { name: 'edge', spec: EDGE, kept: everyThird(EDGE) },
    { name: 'edge with a dropped block', spec: EDGE, kept: { ...everyThird(EDGE), 'body.1': [] } },
    { name: 'edge without its first block', spec: EDGE, kept: { ...everyThird(EDGE), 'body.0': [] } },
    { name: 'edge with a degradation code', spec: TOLD, kept: { ...everyThird(TOLD), 'body.1': [] } },
    { name: 'drn', spec: DRN, kept: everyThird(DRN) },
  ])('of $name makes the image of the masked network', async ({ spec, kept }) => {
    const parameters = parametersOf(spec);
    const pruned = pruneNetwork(spec, parameters, kept);
    const network = createNetwork(pruned.spec);
    expect(countParameters(network)).toBeLessThan(countParameters(createNetwork(spec)));
    for (const { name, shape } of network.parameters) expect(pruned.parameters[name].shape, name).toEqual(shape);
    expect(Object.keys(pruned.parameters)).toHaveLength(network.parameters.length);
    const [got, wanted] = [
      await forwardOnCpu(pruned.parameters, network, image(8)),
      await forwardOnCpu(mask(spec, parameters, kept), createNetwork(spec), image(8)),
    ];
    for (const [level, { data }] of wanted.entries()) {
      const differences = Array.from(data, (value, i) => Math.abs(value - got[level].data[i]));
      expect(Math.max(...differences)).toBeLessThan(1e-5);
    }
  });

  test('leaves a network whole of which nothing is named', () => {
    const parameters = parametersOf(EDGE);
    expect(pruneNetwork(EDGE, parameters, {})).toEqual({ spec: EDGE, parameters });
  });
});
