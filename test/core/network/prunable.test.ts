import { describe, expect, test } from 'vitest';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import { countParameters, type Parameters } from '../../../src/core/network/network.ts';
import { producerOutputs, prunableWidths, weightChannels, withWidths } from '../../../src/core/network/prunable.ts';
import type { DrnSpec, EdgeSpec, NetworkSpec } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';

const DRN_S4: DrnSpec = { family: 'drn', scale: 4, featureCount: 16, blockCount: 30 };
const EDGE: EdgeSpec = { family: 'edge', scale: 2, featureCount: 6, innerWidths: [6, 5, 4] };

/** The released configuration for x4, 30 %, in module order. */
const RELEASED_30 = [
  ...[12, 20],
  ...[36, 40, 40, 44, 36, 40, 44, 40, 36, 44, 40, 36, 44, 36, 36, 40, 40, 40, 44, 44, 36, 40, 36, 44, 40, 44, 44],
  ...[44, 40, 40, 40],
  ...[44, 40, 44, 40, 44, 40, 40, 44, 44, 40, 40, 44, 36, 44, 40, 44, 44, 40, 44, 44, 44, 40, 44, 44, 40, 44, 40],
  ...[44, 44, 44, 44],
];

const repeat = (count: number, width: number): number[] => new Array<number>(count).fill(width);

/** How often each width occurs among the 30 blocks of a stage (their order does not change the size), and the upsampler's. */
interface StageWidths {
  readonly blocks: Readonly<Record<number, number>>;
  readonly upsampler: number;
}

const arrange = (downs: readonly number[], stages: readonly StageWidths[]): number[] => [
  ...downs,
  ...stages.flatMap(({ blocks, upsampler }) => [
    ...Object.entries(blocks).flatMap(([width, count]) => repeat(count, Number(width))),
    upsampler,
  ]),
];

/** The other released configurations, counted. */
const RELEASED = [
  {
    scale: 4,
    removed: 50,
    size: 2_267_393,
    downs: [4, 8],
    stages: [
      { blocks: { 16: 1, 24: 5, 28: 11, 32: 13 }, upsampler: 28 },
      { blocks: { 28: 5, 32: 25 }, upsampler: 32 },
    ],
  },
  {
    scale: 4,
    removed: 70,
    size: 1_427_521,
    downs: [4, 8],
    stages: [
      { blocks: { 12: 1, 16: 13, 20: 16 }, upsampler: 20 },
      { blocks: { 16: 7, 20: 23 }, upsampler: 20 },
    ],
  },
  {
    scale: 8,
    removed: 30,
    size: 3_490_808,
    downs: [4, 12, 20],
    stages: [
      { blocks: { 32: 1, 36: 4, 40: 10, 44: 15 }, upsampler: 44 },
      { blocks: { 36: 4, 40: 10, 44: 16 }, upsampler: 44 },
      { blocks: { 16: 9, 20: 21 }, upsampler: 20 },
    ],
  },
  {
    scale: 8,
    removed: 50,
    size: 2_548_396,
    downs: [4, 8, 16],
    stages: [
      { blocks: { 24: 4, 28: 9, 32: 17 }, upsampler: 24 },
      { blocks: { 24: 2, 28: 11, 32: 17 }, upsampler: 32 },
      { blocks: { 12: 5, 16: 25 }, upsampler: 16 },
    ],
  },
  {
    scale: 8,
    removed: 70,
    size: 1_572_264,
    downs: [4, 8, 16],
    stages: [
      { blocks: { 12: 1, 16: 9, 20: 20 }, upsampler: 16 },
      { blocks: { 16: 11, 20: 19 }, upsampler: 20 },
      { blocks: { 4: 4, 8: 26 }, upsampler: 8 },
    ],
  },
] as const;

const countOf = (spec: NetworkSpec): number => countParameters(createNetwork(spec));

function tensorsOf(spec: NetworkSpec): Parameters {
  const values = initialiseParameters(createNetwork(spec), createRandom(3));
  return Object.fromEntries(
    Object.entries(values).map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]),
  );
}

const image = () => tf.randomUniform([1, 6, 5, 3], 0, 1, 'float32', 7) as Tensor4D;
const largestDifference = (a: Tensor, b: Tensor): number => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0];

describe('the prunable widths of drn', () => {
  test('are those of the released configurations, in their order', () => {
    const names = prunableWidths(DRN_S4).map(({ name }) => name);
    expect(names).toHaveLength(64);
    expect(names.slice(0, 3)).toEqual(['down.0', 'down.1', 'up.0.block.0']);
    expect([names[32], names[33], names[63]]).toEqual(['up.0.upsampler', 'up.1.block.0', 'up.1.upsampler']);
    const widths = prunableWidths(DRN_S4).map(({ width }) => width);
    expect(widths).toEqual([16, 32, ...repeat(62, 64)]);
  });

  test('give the published slim x4 network of 30 % its published size', () => {
    expect(countOf(withWidths(DRN_S4, RELEASED_30))).toBe(3_116_613);
  });

  test.each(RELEASED)('give the published slim x$scale network of $removed % its published size', (released) => {
    const { scale, downs, stages, size } = released;
    const spec: DrnSpec = { ...DRN_S4, scale, featureCount: scale === 4 ? 16 : 8 };
    expect(countOf(withWidths(spec, arrange(downs, stages)))).toBe(size);
  });

  test('go back to the spec without kept channels when nothing is removed', () => {
    const slim = withWidths(DRN_S4, RELEASED_30);
    expect(prunableWidths(slim).map(({ width }) => width)).toEqual(RELEASED_30);
    const full = prunableWidths(DRN_S4).map(({ width }) => width);
    expect(withWidths(DRN_S4, full)).toEqual(DRN_S4);
  });
});

describe('withWidths', () => {
  test('drops edge blocks of width 0 and leaves them dropped', () => {
    const slim = withWidths(EDGE, [6, 0, 2]);
    expect(slim).toEqual({ ...EDGE, innerWidths: [6, 0, 2] });
    expect(createNetwork(slim).layers.map(({ name }) => name)).toEqual([
      'head',
      'body.0.conv1',
      'body.0.conv2',
      'body.2.conv1',
      'body.2.conv2',
      'tail',
    ]);
    expect(withWidths(slim, [3, 2])).toEqual({ ...EDGE, innerWidths: [3, 0, 2] });
  });

  test.each([
    { widths: [6, 5], message: 'expected 3 widths, got 2' },
    { widths: [7, 5, 4], message: 'expected the width of body.0 to be an integer from 0 to 6, got 7' },
    { widths: [6, 2.5, 4], message: 'expected the width of body.1 to be an integer from 0 to 5, got 2.5' },
  ])('refuses $widths', ({ widths, message }) => {
    expect(() => withWidths(EDGE, widths)).toThrow(message);
  });

  test('keeps at least four channels of drn', () => {
    expect(() => withWidths(DRN_S4, [3, ...RELEASED_30.slice(1)])).toThrow('from 4 to 16');
  });
});

describe('weightChannels', () => {
  const specs: NetworkSpec[] = [EDGE, { family: 'drn', scale: 2, featureCount: 8, blockCount: 1 }];
  test.each(specs)('of $family with zeros equals cutting the channels out', (spec) => {
    const widths = prunableWidths(spec);
    const kept = widths.map(({ width }) => Array.from({ length: width }, (_, c) => c).filter((c) => c % 3 !== 1));
    const full = tensorsOf(spec);
    const masks = Object.fromEntries(
      widths.map(({ name, width }, i) => [
        name,
        { channels: tf.tensor1d(Array.from({ length: width }, (_, c) => (kept[i].includes(c) ? 1 : 0))) },
      ]),
    );
    const masked = createNetwork(spec).forward(weightChannels(full, widths, masks), image());
    const cut: Record<string, Tensor> = { ...full };
    for (const [i, width] of widths.entries()) {
      const { producer, consumer } = width;
      const outputs = tf.tensor1d(producerOutputs(width, kept[i]), 'int32');
      cut[`${producer.layer}.weight`] = tf.gather(full[`${producer.layer}.weight`], outputs, 3);
      if (producer.hasBias) cut[`${producer.layer}.bias`] = tf.gather(full[`${producer.layer}.bias`], outputs);
      cut[`${consumer.layer}.weight`] = tf.gather(full[`${consumer.layer}.weight`], tf.tensor1d(kept[i], 'int32'), 2);
    }
    const slim = createNetwork(
      withWidths(
        spec,
        kept.map(({ length }) => length),
      ),
    );
    for (const { name, shape } of slim.parameters) expect(cut[name].shape, name).toEqual(shape);
    for (const [level, slimImage] of slim.forward(cut, image()).entries()) {
      expect(largestDifference(slimImage, masked[level])).toBeLessThan(1e-6);
    }
  });

  test('with a block weight of 0 equals dropping the block', () => {
    const full = tensorsOf(EDGE);
    const none = { channels: tf.zeros([5]) as never, block: tf.scalar(0) };
    const masked = createNetwork(EDGE).forward(weightChannels(full, prunableWidths(EDGE), { 'body.1': none }), image());
    const dropped = createNetwork(withWidths(EDGE, [6, 0, 4])).forward(full, image());
    expect(largestDifference(masked[0], dropped[0])).toBeLessThan(1e-6);
  });
});
