import { beforeAll, describe, expect, test } from 'vitest';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import { createDuals } from '../../../src/core/network/dual.ts';
import { withDetail } from '../../../src/core/network/estimator.ts';
import { countParameters, type Parameters } from '../../../src/core/network/network.ts';
import { parseSpec } from '../../../src/core/network/parse-spec.ts';
import type { EdgeSpec } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';
import { type Tensor4D, tf } from '../../../src/core/tf.ts';

const spec: EdgeSpec = {
  family: 'edge',
  scale: 2,
  featureCount: 6,
  innerWidths: [5, 0, 4],
  code: { width: 5, hidden: 4, estimator: [4, 6, 8] },
};
const network = createNetwork(spec);

/** @param strength of the modulation, which starts near nothing. */
function values(strength: number): Parameters {
  const random = createRandom(2);
  const initial = initialiseParameters(network, random);
  return Object.fromEntries(
    Object.entries(initial).map(([name, { shape, data }]) => {
      const factor = /\.(scale|shift)\./.test(name) ? strength : 1;
      return [
        name,
        tf.tensor(
          data.map((value) => value * factor),
          [...shape],
        ),
      ];
    }),
  );
}

const random = createRandom(3);
const image = tf.tensor4d(Float32Array.from({ length: 2 * 12 * 10 * 3 }, random), [2, 12, 10, 3]);
const codes = tf.tensor4d([0.5, 0.1, 0, 0.4, 0, 0, 0, 0, 0.9, 0.5], [2, 1, 1, 5]);

beforeAll(() => tf.setBackend('cpu'));

function furthest(a: Tensor4D, b: Tensor4D): number {
  return tf.max(tf.abs(tf.sub(a, b))).dataSync()[0];
}

describe('edge with a degradation code', () => {
  test('gives for a batch, modulating images, what it gives for each alone, modulating weights', () => {
    const parameters = values(800);
    const together = network.forward(parameters, image, codes)[0];
    for (const i of [0, 1]) {
      const one = (x: Tensor4D) => tf.slice(x, [i, 0, 0, 0], [1, -1, -1, -1]) as Tensor4D;
      const alone = network.forward(parameters, one(image), one(codes))[0];
      expect(furthest(alone, one(together))).toBeLessThan(1e-5);
    }
    const swapped = network.forward(parameters, image, tf.reverse(codes, 0) as Tensor4D)[0];
    expect(furthest(swapped, together)).toBeGreaterThan(0.01);
  });

  test('without modulation is plain edge with the same weights', () => {
    const plain = createNetwork({ family: 'edge', scale: 2, featureCount: 6, innerWidths: [5, 0, 4] });
    const parameters = values(0);
    expect(furthest(network.forward(parameters, image, codes)[0], plain.forward(parameters, image)[0])).toBeLessThan(
      1e-6,
    );
  });

  test('starts close to the plain network it is made from', () => {
    const parameters = values(1);
    const plain = createNetwork({ family: 'edge', scale: 2, featureCount: 6, innerWidths: [5, 0, 4] });
    expect(furthest(network.forward(parameters, image, codes)[0], plain.forward(parameters, image)[0])).toBeLessThan(
      2e-3,
    );
  });

  test('goes by its own guess when it is told nothing', () => {
    const parameters = values(800);
    const guess = network.estimate?.(parameters, image) as Tensor4D;
    expect(guess.shape).toEqual([2, 1, 1, 5]);
    expect(furthest(network.forward(parameters, image)[0], network.forward(parameters, image, guess)[0])).toBeLessThan(
      1e-6,
    );
  });

  test('counts all it has: trunk, modulation of the blocks that are there, estimator', () => {
    // Worked out by hand. Trunk: 3*9*6+6 | (6*9*5+5 + 5*9*6+6) + (6*9*4+4 + 4*9*6+6) | 6*9*12+12.
    const trunk = 168 + (275 + 276 + 220 + 222) + 660;
    // 5*4+4 | 4*4+4 | per block twice (4*w+w).
    const modulation = 24 + 20 + 2 * (25 + 20);
    // 3*9*4+4 | 4*9*6+6 | 6*9*6+6 | 6*9*8+8 | twice 8*9*8+8 | twice 8*5+5.
    const estimator = 220 + 222 + 330 + 440 + 2 * 584 + 2 * 45;
    expect(countParameters(network)).toBe(trunk + modulation + estimator);
    const stored = network.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
    expect(stored).toBe(trunk + modulation + estimator);
  });

  test('survives a manifest, and a wrong code does not', () => {
    expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
    for (const code of [
      null,
      {},
      { width: 5, hidden: 4, estimator: [1, 2] },
      { ...spec.code, more: 1 },
      { ...spec.code, width: 0 },
    ]) {
      expect(() => parseSpec({ ...spec, code })).toThrow(/`spec\.(code|width|more|hidden)/);
    }
    expect(() => parseSpec({ ...spec, scale: 3 })).toThrow('`spec.code`');
  });
});

describe('its dual network', () => {
  const [dual] = createDuals(spec);
  const parameters = Object.fromEntries(
    Object.entries(initialiseParameters(dual, createRandom(5))).map(([name, { shape, data }]) => [
      name,
      tf.tensor(data, [...shape]),
    ]),
  );
  const large = tf.tensor4d(Float32Array.from({ length: 2 * 16 * 16 * 3 }, random), [2, 16, 16, 3]);

  test('reduces by the code it is told', () => {
    const told = dual.forward(parameters, large, codes)[0];
    expect(told.shape).toEqual([2, 8, 8, 3]);
    const clean = dual.forward(parameters, large, tf.zerosLike(codes))[0];
    expect(furthest(told, clean)).toBeGreaterThan(0.01);
    // A code of zeros is the plain dual of the paper.
    const [plain] = createDuals({ family: 'edge', scale: 2, featureCount: 6, innerWidths: [5] });
    expect(furthest(clean, plain.forward(parameters, large)[0])).toBeLessThan(1e-6);
  });

  test('does not work without it', () => {
    expect(() => dual.forward(parameters, large)).toThrow('needs the degradation vector');
  });
});

describe('what the estimator looks at', () => {
  test('is the picture and its Laplacian, channel by channel', () => {
    const data = new Float32Array(5 * 5 * 3);
    // Red in the middle, and green in a corner, whose neighbours beyond the border are as it is.
    data[(2 * 5 + 2) * 3] = 1;
    data[1] = 1;
    const seen = withDetail(tf.tensor4d(data, [1, 5, 5, 3])).arraySync()[0] as number[][][];
    expect(seen[2][2]).toEqual([1, 0, 0, 64, 0, 0]);
    expect(seen[2][1]).toEqual([0, 0, 0, -16, 0, 0]);
    expect(seen[1][1]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(seen[0][0]).toEqual([0, 1, 0, 0, 32, 0]);
  });

  test('shows no edges at the borders of a plain picture', () => {
    const seen = withDetail(tf.fill([1, 4, 6, 3], 0.3) as Tensor4D);
    expect(tf.max(tf.abs(tf.slice(seen, [0, 0, 0, 3], [1, -1, -1, 3]))).dataSync()[0]).toBeLessThan(1e-5);
  });
});
