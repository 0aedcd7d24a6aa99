import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../src/core/random.ts';
import { countUnpaired, createBatchFiller } from '../../../src/trainer/train/data/batch-filler.ts';

const gray = (side: number, value: number) => ({
  width: side,
  height: side,
  channels: 3 as const,
  data: new Uint8Array(side * side * 3).fill(value),
});
const shape = { batchSize: 8, lrPatchSize: 4 };
// The small image of the pairs is 51, the large one 102, a picture without ground truth 204: 0.2, 0.4 and 0.8 of white.
const pairs = new Map([
  [1, gray(6, 51)],
  [2, gray(12, 102)],
]);
const unpaired = new Map([[1, gray(5, 204)]]);

function fill(share: number, seed: number) {
  const images = new Map([1, 2].map((level) => [level, new Float32Array(8 * (4 * level) ** 2 * 3).fill(9)]));
  const pairWeights = new Float32Array(8).fill(9);
  const source = { train: [pairs], unpaired: { pyramids: [unpaired], share } };
  createBatchFiller(source, shape, { images, pairWeights })(createRandom(seed));
  const ofPatch = (level: number, i: number) => {
    const size = (4 * level) ** 2 * 3;
    const values = new Set(images.get(level)?.subarray(i * size, (i + 1) * size));
    expect(values.size).toBe(1);
    return Number([...values][0].toFixed(4));
  };
  return Array.from({ length: 8 }, (_, i) => [ofPatch(1, i), ofPatch(2, i), Number(pairWeights[i].toFixed(4))]);
}

describe('createBatchFiller', () => {
  test('puts pairs first, and pictures without large images after them', () => {
    const [pair, unpaired] = [
      [0.2, 0.4, 1.6],
      [0.8, 0, 0],
    ];
    expect(fill(3 / 8, 1)).toEqual([pair, pair, pair, pair, pair, unpaired, unpaired, unpaired]);
  });

  test('mixes the same for the same seed', () => {
    const counts = (seed: number) =>
      Array.from({ length: 20 }, (_, i) => fill(0.3, seed + i).filter(([x]) => x === 0.8).length);
    expect(counts(1)).toEqual(counts(1));
    expect(new Set(counts(1))).toEqual(new Set([2, 3]));
  });
});

describe('countUnpaired', () => {
  test('keeps to the share on average', () => {
    const random = createRandom(2);
    let sum = 0;
    for (let i = 0; i < 4000; i++) sum += countUnpaired(16, 0.3, random);
    expect(sum / 4000 / 16).toBeCloseTo(0.3, 2);
  });

  test('leaves one pair', () => {
    for (const u of [0, 0.5, 0.999]) expect(countUnpaired(4, 0.99, () => u)).toBe(3);
  });
});
