import { beforeAll, describe, expect, test } from 'vitest';
import { channelAttention, createDrn } from '../../../src/core/network/drn.ts';
import { fullChannels, planDrn, type Rcab } from '../../../src/core/network/drn-plan.ts';
import type { ConvLayer, DrnSpec } from '../../../src/core/network/spec.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import {
  largestDifference,
  randomParameters,
  randomPlane,
  seeded,
  toPlane,
  torchConv,
  toTensor,
  type Values,
} from './bridge.ts';
import * as torch from './torch-reference.ts';

const MEAN = [0.4488, 0.4371, 0.404];

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** DRN as method and paper describe it, on torch's operators and torch's channel order. */
function torchDrn(spec: DrnSpec, values: Values, image: torch.Plane): torch.Plane[] {
  const plan = planDrn(spec);
  const run = (layer: ConvLayer, x: torch.Plane, stride = 1) =>
    torch.conv2d(x, torchConv(values, layer), stride, layer.kernel === 3 ? 1 : 0);
  const relu = (x: torch.Plane) => torch.map(x, (value) => Math.max(0, value));
  const leaky = (x: torch.Plane) => torch.map(x, (value) => (value < 0 ? 0.2 * value : value));
  const tail = (layer: ConvLayer | undefined, x: torch.Plane) =>
    torch.map(run(layer as ConvLayer, x), (value, c) => value / 255 + (MEAN[c] as number));
  const block = ({ conv1, conv2, squeeze, excite }: Rcab, x: torch.Plane) => {
    const inner = run(conv2, relu(run(conv1, x)));
    return torch.add(torch.channelAttention(inner, torchConv(values, squeeze), torchConv(values, excite)), x);
  };
  // torch's upsampler: channel c, offset q at c*4 + q; ours at q*width + c.
  const expand = (layer: ConvLayer, x: torch.Plane) => {
    const { weight, bias } = torchConv(values, layer);
    const width = layer.outChannels / 4;
    const ours = Array.from({ length: layer.outChannels }, (_, out) => (out % 4) * width + Math.floor(out / 4));
    const permuted = { weight: ours.map((i) => weight[i] as number[][][]), bias: ours.map((i) => bias?.[i] as number) };
    return torch.pixelShuffle(torch.conv2d(x, permuted, 1, 1), 2);
  };
  let x = torch.map(torch.bicubic(image, spec.scale), (value, c) => 255 * (value - (MEAN[c] as number)));
  x = run(plan.head, x);
  const copies: torch.Plane[] = [];
  for (const { conv1, conv2 } of plan.downs) {
    copies.push(x);
    x = run(conv2, leaky(run(conv1, x, 2)));
  }
  const images = [tail(plan.tails[0], x)];
  plan.stages.forEach((stage, index) => {
    for (const rcab of stage.blocks) x = block(rcab, x);
    x = run(stage.mix, expand(stage.expand, x));
    x = torch.concat(x, copies[copies.length - 1 - index] as torch.Plane);
    images.push(tail(plan.tails[index + 1], x));
  });
  return images;
}

describe('createDrn', () => {
  test.each<{ spec: DrnSpec; height: number; width: number }>([
    { spec: { family: 'drn', scale: 2, featureCount: 4, blockCount: 2 }, height: 5, width: 3 },
    { spec: { family: 'drn', scale: 4, featureCount: 3, blockCount: 2 }, height: 3, width: 5 },
    { spec: { family: 'drn', scale: 8, featureCount: 2, blockCount: 1 }, height: 3, width: 2 },
    {
      spec: { family: 'drn', scale: 4, featureCount: 4, blockCount: 1, keptChannels: [3, 5, 9, 6, 7, 11] },
      height: 3,
      width: 3,
    },
  ])("equals the network written with torch's operators: $spec", ({ spec, height, width }) => {
    const network = createDrn(spec);
    const { values, tensors } = randomParameters(network);
    const image = randomPlane(3, height, width);
    const images = network.forward(tensors, toTensor(image)).map(toPlane);
    const expected = torchDrn(spec, values, image);
    expect(images).toHaveLength(Math.log2(spec.scale) + 1);
    for (const [level, found] of images.entries()) {
      expect(largestDifference(found, expected[level] as torch.Plane)).toBeLessThan(1e-6);
    }
  });

  test.each([2, 4, 8] as const)('x%i returns every level, smallest first, for odd sizes and batches', (scale) => {
    const network = createDrn({ family: 'drn', scale, featureCount: 2, blockCount: 1 });
    const images = network.forward(randomParameters(network).tensors, tf.zeros([2, 3, 5, 3]));
    const shapes = images.map(({ shape }) => shape);
    const sides = Array.from({ length: Math.log2(scale) + 1 }, (_, level) => 2 ** level);
    expect(shapes).toEqual(sides.map((side) => [2, 3 * side, 5 * side, 3]));
  });

  test('the gradient of all images reaches every parameter', () => {
    const network = createDrn({ family: 'drn', scale: 4, featureCount: 2, blockCount: 1 });
    // The attention is one channel wide here; with this seed its ReLU is open in both blocks.
    const { tensors } = randomParameters(network, 5);
    const names = Object.keys(tensors);
    const image = toTensor(randomPlane(3, 3, 3));
    const gradients = tf.grads((...list) => {
      const parameters = Object.fromEntries(names.map((name, i) => [name, list[i] as Tensor]));
      const sums = network.forward(parameters, image).map((level) => tf.mean(tf.abs(level)));
      return tf.addN(sums);
    })(Object.values(tensors));
    const unreached = names.filter((_, i) => gradients[i]?.dataSync().every((value) => value === 0));
    expect(unreached).toEqual([]);
  });

  test('refuses a list of kept channels of another length', () => {
    expect(() => createDrn({ family: 'drn', scale: 2, featureCount: 4, blockCount: 1, keptChannels: [4, 4] })).toThrow(
      'expected `keptChannels` to have 3 numbers, got 2',
    );
  });
});

describe('channelAttention', () => {
  const conv = (name: string, inChannels: number, outChannels: number): ConvLayer => ({
    name,
    kernel: 1,
    inChannels,
    outChannels,
    positionsPerLrPixel: 0,
  });

  test('scales channels by the sigmoid of what their means give', () => {
    // Means 2 and -1; squeezed relu(2*3 + -1*1 - 1) = 4; gates sigmoid(4*0.5 - 2) = 1/2 and sigmoid(4*-0.25 + 1 + ln 3) = 3/4.
    const parameters = {
      'squeeze.weight': tf.tensor4d([3, 1], [1, 1, 2, 1]),
      'squeeze.bias': tf.tensor1d([-1]),
      'excite.weight': tf.tensor4d([0.5, -0.25], [1, 1, 1, 2]),
      'excite.bias': tf.tensor1d([-2, 1 + Math.log(3)]),
    };
    const x = tf.tensor4d([1, -2, 3, 0], [1, 1, 2, 2]);
    const layers = { squeeze: conv('squeeze', 2, 1), excite: conv('excite', 1, 2) };
    const result = [...channelAttention(parameters, layers, x as Tensor4D).dataSync()];
    for (const [i, expected] of [0.5, -1.5, 1.5, 0].entries()) expect(result[i]).toBeCloseTo(expected, 6);
  });
});

describe('planDrn', () => {
  test('a configuration names down blocks, then each stage with its blocks and its upsampler', () => {
    const keptChannels = [12, 20, 36, 44, 40, 32, 28, 24];
    const plan = planDrn({ family: 'drn', scale: 4, featureCount: 16, blockCount: 2, keptChannels });
    expect(plan.downs.map(({ conv1, conv2 }) => [conv1.outChannels, conv2.inChannels])).toEqual([
      [12, 12],
      [20, 20],
    ]);
    const stages = plan.stages.map(({ blocks, mix }) => [
      ...blocks.map(({ conv2 }) => conv2.inChannels),
      mix.inChannels,
    ]);
    expect(stages).toEqual([
      [36, 44, 40],
      [32, 28, 24],
    ]);
    expect(plan.stages.map(({ expand }) => expand.outChannels)).toEqual([160, 96]);
  });

  test('pruning never changes the trunk: heads, tails, attention and block outputs keep their widths', () => {
    const random = seeded(3);
    const full: DrnSpec = { family: 'drn', scale: 8, featureCount: 8, blockCount: 3 };
    const keptChannels = fullChannels(full).map((width) => 1 + Math.floor(random() * width));
    const [wide, slim] = [planDrn(full), planDrn({ ...full, keptChannels })];
    expect(slim.tails).toEqual(wide.tails);
    expect(slim.head).toEqual(wide.head);
    for (const [stage, { blocks, mix }] of slim.stages.entries()) {
      expect(mix.outChannels).toBe(wide.stages[stage]?.mix.outChannels);
      for (const { conv2, squeeze, excite } of blocks) {
        const other = wide.stages[stage]?.blocks[0] as Rcab;
        expect([conv2.outChannels, squeeze.outChannels, excite.outChannels]).toEqual([
          other.conv2.outChannels,
          other.squeeze.outChannels,
          other.excite.outChannels,
        ]);
      }
    }
  });

  test('the released x4 and x8 configurations have 64 and 96 entries', () => {
    expect(fullChannels({ family: 'drn', scale: 4, featureCount: 16, blockCount: 30 })).toHaveLength(64);
    expect(fullChannels({ family: 'drn', scale: 8, featureCount: 8, blockCount: 30 })).toHaveLength(96);
  });
});
