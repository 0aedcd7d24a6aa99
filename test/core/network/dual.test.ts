import { beforeAll, describe, expect, test } from 'vitest';
import { createDual, createDuals } from '../../../src/core/network/dual.ts';
import { countParameters, type Parameters } from '../../../src/core/network/network.ts';
import type { ConvLayer, DualSpec } from '../../../src/core/network/spec.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import {
  largestDifference,
  randomParameters,
  randomPlane,
  toPlane,
  torchConv,
  toTensor,
  type Values,
} from './bridge.ts';
import * as torch from './torch-reference.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const SCALES = [2, 3, 4, 8] as const;
const leaky = (x: torch.Plane) => torch.map(x, (value) => (value < 0 ? 0.2 * value : value));

/** Stride 2, padding 1 for halvings; stride 3, no padding for thirds; then 3x3. */
function torchDual(layers: readonly ConvLayer[], scale: number, values: Values, image: torch.Plane): torch.Plane {
  let x = image;
  for (const layer of layers.slice(0, -1)) {
    const { weight, bias } = torchConv(values, layer);
    if (scale !== 3) x = leaky(torch.conv2d(x, { weight, bias }, 2, 1));
    else x = leaky(torch.conv2d(x, { weight: weight.map(asCells), bias }, 3, 0));
  }
  return torch.conv2d(x, torchConv(values, layers.at(-1) as ConvLayer), 1, 1);
}

/** [27][1][1], the pixels of a cell row by row with RGB inside, to [3][3][3]. */
function asCells(inputs: number[][][]): number[][][] {
  const at = (c: number, y: number, x: number) => inputs[(y * 3 + x) * 3 + c]?.[0]?.[0] as number;
  return [0, 1, 2].map((c) => [0, 1, 2].map((y) => [0, 1, 2].map((x) => at(c, y, x))));
}

describe('createDual', () => {
  test.each(SCALES)("x%i equals strided convolutions with torch's padding", (scale) => {
    const spec: DualSpec = { family: 'dual', scale, featureCount: 4 };
    const network = createDual(spec);
    const { values, tensors } = randomParameters(network);
    const image = randomPlane(3, 3 * scale, 5 * scale);
    const images = network.forward(tensors, toTensor(image));
    expect(images.map(({ shape }) => shape)).toEqual([[1, 3, 5, 3]]);
    const expected = torchDual(network.layers, scale, values, image);
    expect(largestDifference(toPlane(images[0] as Tensor4D), expected)).toBeLessThan(1e-6);
  });

  test('a filter with one tap at its centre picks every second pixel, starting with the first', () => {
    const centre = (inChannels: number, outChannels: number) =>
      tf.buffer([3, 3, inChannels, outChannels], 'float32', undefined);
    const [first, last] = [centre(3, 3), centre(3, 3)];
    for (let c = 0; c < 3; c++) {
      first.set(1, 1, 1, c, c);
      last.set(1, 1, 1, c, c);
    }
    const network = createDual({ family: 'dual', scale: 2, featureCount: 3 });
    const image = randomPlane(3, 6, 4);
    const parameters = { 'dual.0.weight': first.toTensor(), 'dual.1.weight': last.toTensor() };
    const reduced = toPlane(network.forward(parameters, toTensor(image))[0] as Tensor4D);
    const picked = torch.plane(3, 3, 2, (c, y, x) => torch.pixel(image, c, 2 * y, 2 * x));
    expect(largestDifference(reduced, picked)).toBe(0);
  });

  test.each(SCALES)('the gradient of x%i reaches every parameter', (scale) => {
    const network = createDual({ family: 'dual', scale, featureCount: 4 });
    const { tensors } = randomParameters(network);
    const names = Object.keys(tensors);
    const image = toTensor(randomPlane(3, 3 * scale, 3 * scale));
    const loss = (...list: Tensor[]) => {
      const parameters: Parameters = Object.fromEntries(names.map((name, i) => [name, list[i] as Tensor]));
      return tf.sum(tf.square(network.forward(parameters, image)[0] as Tensor4D));
    };
    const gradients = tf.grads(loss)(Object.values(tensors));
    expect(gradients.map(({ shape }) => shape)).toEqual(network.parameters.map(({ shape }) => shape));
    expect(names.filter((_, i) => gradients[i]?.dataSync().every((value) => value === 0))).toEqual([]);
  });

  test.each(SCALES)('a x%i tile with its halo equals the whole image', (scale) => {
    const network = createDual({ family: 'dual', scale, featureCount: 4 });
    const { tensors } = randomParameters(network);
    const halo = network.halo as number;
    const [size, start, length] = [9, 3, 3];
    const image = toTensor(randomPlane(3, size * scale, size * scale));
    const whole = network.forward(tensors, image)[0] as Tensor4D;
    const read = (length + 2 * halo) * scale;
    const from = (start - halo) * scale;
    const tile = network.forward(tensors, tf.slice(image, [0, from, from, 0], [1, read, read, 3]))[0] as Tensor4D;
    const difference = tf.sub(
      tf.slice(whole, [0, start, start, 0], [1, length, length, 3]),
      tf.slice(tile, [0, halo, halo, 0], [1, length, length, 3]),
    );
    expect(tf.max(tf.abs(difference)).dataSync()[0]).toBeLessThan(1e-6);
  });
});

describe('createDuals', () => {
  test.each([
    { featureCount: 16, parameters: 864 },
    { featureCount: 20, parameters: 1080 },
  ])(
    'a DRN of $featureCount features has one dual of $parameters parameters per level',
    ({ featureCount, parameters }) => {
      const duals = createDuals({ family: 'drn', scale: 4, featureCount, blockCount: 1 });
      expect(duals.map(countParameters)).toEqual([parameters, parameters]);
      expect(duals.map(({ spec }) => spec.scale)).toEqual([2, 2]);
      const names = duals.flatMap((dual) => dual.parameters.map(({ name }) => name));
      expect(new Set(names).size).toBe(names.length);
    },
  );

  test('any other network has one chain: 3,168 parameters at x4', () => {
    const [dual, ...others] = createDuals({ family: 'edge', scale: 4, featureCount: 8, innerWidths: [8] });
    expect(others).toEqual([]);
    expect(countParameters(dual as NonNullable<typeof dual>)).toBe(3168);
  });

  test.each([2, 3] as const)('the one chain of a x%i network reduces by its scale', (scale) => {
    const [dual] = createDuals({ family: 'edge', scale, featureCount: 8, innerWidths: [8] });
    expect(dual?.spec).toEqual({ family: 'dual', scale, featureCount: 16 });
    // 27*16 to the features and 9*16*3 back, for a 3x3 convolution of stride 2 as of stride 3.
    expect(dual && countParameters(dual)).toBe(864);
  });
});
