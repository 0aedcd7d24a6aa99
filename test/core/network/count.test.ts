import { describe, expect, test } from 'vitest';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import { createDuals } from '../../../src/core/network/dual.ts';
import { countMacs, countParameters } from '../../../src/core/network/network.ts';
import type { ConvLayer, DrnSpec } from '../../../src/core/network/spec.ts';

/** The released x4 configuration of compression ratio 0.3, in module order. */
const KEPT_R30 = [
  [12, 20],
  [
    36, 40, 40, 44, 36, 40, 44, 40, 36, 44, 40, 36, 44, 36, 36, 40, 40, 40, 44, 44, 36, 40, 36, 44, 40, 44, 44, 44, 40,
    40, 40,
  ],
  [
    44, 40, 44, 40, 44, 40, 40, 44, 44, 40, 40, 44, 36, 44, 40, 44, 44, 40, 44, 44, 44, 40, 44, 44, 40, 44, 40, 44, 44,
    44, 44,
  ],
].flat();

const PUBLISHED = [
  { name: 'DRN-S x4', scale: 4, featureCount: 16, blockCount: 30, parameters: 4_804_041, gigaMacs: '109.92' },
  { name: 'DRN-L x4', scale: 4, featureCount: 20, blockCount: 40, parameters: 9_825_869, gigaMacs: '224.76' },
  { name: 'DRN-S x8', scale: 8, featureCount: 8, blockCount: 30, parameters: 5_402_976, gigaMacs: '197.94' },
  { name: 'DRN-L x8', scale: 8, featureCount: 10, blockCount: 36, parameters: 10_003_994, gigaMacs: '366.38' },
] as const;

const SLIM: DrnSpec = { family: 'drn', scale: 4, featureCount: 16, blockCount: 30, keptChannels: KEPT_R30 };

function enumerated(spec: DrnSpec): number {
  return createNetwork(spec).parameters.reduce(
    (sum, { shape }) => sum + shape.reduce((size, axis) => size * axis, 1),
    0,
  );
}

/** The paper's code shifts the mean with 1x1 convolutions (9 weights, 3 biases), at HR on entry and at every level on exit; we add constants. */
function meanShiftMacs(scale: number, lrPixels: number): number {
  const levels = Array.from({ length: Math.log2(scale) + 1 }, (_, level) => 4 ** level);
  const positions = scale ** 2 + levels.reduce((sum, level) => sum + level, 0);
  return 12 * positions * lrPixels;
}

describe('countParameters', () => {
  test.each(PUBLISHED)('$name has $parameters parameters', ({ parameters, name: _, gigaMacs: __, ...sizes }) => {
    const spec: DrnSpec = { family: 'drn', ...sizes };
    expect(countParameters(createNetwork(spec))).toBe(parameters);
    expect(enumerated(spec)).toBe(parameters);
  });

  test('DRN at x2 has 606,354 parameters', () => {
    const spec: DrnSpec = { family: 'drn', scale: 2, featureCount: 16, blockCount: 30 };
    expect(countParameters(createNetwork(spec))).toBe(606_354);
    expect(enumerated(spec)).toBe(606_354);
  });

  test('the published configuration of ratio 0.3 has 3,116,613 parameters', () => {
    expect(countParameters(createNetwork(SLIM))).toBe(3_116_613);
    expect(enumerated(SLIM)).toBe(3_116_613);
  });
});

describe('edge at x8', () => {
  const network = createNetwork({ family: 'edge', scale: 8, featureCount: 48, innerWidths: new Array(8).fill(48) });

  test('ends in 192 channels: a head of 1,344 parameters, 16 convolutions of 20,784, a tail of 83,136', () => {
    expect(network.layers.at(-1)).toMatchObject({ inChannels: 48, outChannels: 192 });
    expect(countParameters(network)).toBe(1344 + 16 * 20_784 + 83_136);
    // Everything is at LR resolution: every parameter costs one multiply-accumulate per LR pixel.
    expect(countMacs(network, 160, 90)).toBe(160 * 90 * 417_024);
  });

  test('has a dual of three halvings', () => {
    const [dual] = createDuals(network.spec);
    expect(dual.layers.map(({ stride, outChannels }) => [stride, outChannels])).toEqual([
      [2, 16],
      [2, 16],
      [2, 16],
      [undefined, 3],
    ]);
    expect(countParameters(dual)).toBe(432 + 2 * 2304 + 432);
  });
});

describe('countMacs', () => {
  test.each(PUBLISHED)(
    "$name costs $gigaMacs GMAC at LR 96x96 with the paper's mean shifts",
    ({ gigaMacs, ...sizes }) => {
      const { scale, featureCount, blockCount } = sizes;
      const macs = countMacs(createNetwork({ family: 'drn', scale, featureCount, blockCount }), 96, 96);
      expect(((macs + meanShiftMacs(scale, 96 * 96)) / 1e9).toFixed(2)).toBe(gigaMacs);
      expect(Math.abs(macs / 1e9 - Number(gigaMacs))).toBeLessThan(0.02);
    },
  );

  test('the slim network costs 72.2 GMAC', () => {
    expect((countMacs(createNetwork(SLIM), 96, 96) / 1e9).toFixed(1)).toBe('72.2');
  });

  test('DRN-S costs 687 GMAC for an output of 1280x720', () => {
    const network = createNetwork({ family: 'drn', scale: 4, featureCount: 16, blockCount: 30 });
    expect(Math.round(countMacs(network, 320, 180) / 1e9)).toBe(687);
  });

  test('a x4 dual network costs its first halving four times per LR pixel', () => {
    const network = createNetwork({ family: 'dual', scale: 4, featureCount: 16 });
    // The first halving gives a map of 2W x 2H, the other two layers work at W x H.
    expect(countMacs(network, 3, 2)).toBe(6 * (4 * 27 * 16 + 9 * 16 * 16 + 9 * 16 * 3));
  });

  test('counts by hand: a 3x3 convolution at HR, an unbiased one at LR, and one position per image', () => {
    const layers: ConvLayer[] = [
      { name: 'a', kernel: 3, inChannels: 2, outChannels: 5, positionsPerLrPixel: 4 },
      { name: 'b', kernel: 1, inChannels: 5, outChannels: 2, bias: false, positionsPerLrPixel: 1 },
      { name: 'c', kernel: 1, inChannels: 2, outChannels: 2, positionsPerLrPixel: 0 },
    ];
    expect(countMacs({ layers }, 3, 2)).toBe(24 * 5 * 19 + 6 * 10 + 6);
    expect(countParameters({ layers })).toBe(95 + 10 + 6);
  });
});
