import { describe, expect, test } from 'vitest';
import { prunableWidths } from '../../../src/core/network/prunable.ts';
import { bestChannels, filterNorms, gradientNorms } from '../../../src/trainer/compress/prune/prune-layers.ts';

test('gradientNorms adds up a norm over the kernel for each output', () => {
  // A kernel of 1x2 positions, 2 inputs, 2 outputs: [position][input][output].
  const gradient = Float32Array.of(3, 0, 1, -2, 4, 5, 0, 0);
  // Input 0: outputs (3, 4) and (0, 5), each of length 5. Input 1: (1, 0) and (-2, 0).
  expect([...gradientNorms(gradient, [1, 2, 2, 2])]).toEqual([10, 3]);
});

describe('filterNorms', () => {
  test('adds up the four filters of a channel before a pixel shuffle', () => {
    const upsampler = prunableWidths({
      family: 'drn',
      scale: 2,
      featureCount: 2,
      blockCount: 1,
      keptChannels: [2, 2, 3],
    });
    const width = upsampler.at(-1) as (typeof upsampler)[number];
    expect(width.name).toBe('up.0.upsampler');
    // One position, one input, 12 outputs: channel c has the outputs c, 3 + c, 6 + c and 9 + c.
    const data = Float32Array.of(1, 2, 3, -1, 20, 3, 1, 200, 3, 1, -2000, 3);
    expect([...filterNorms(width, { shape: [1, 1, 1, 12], data })]).toEqual([4, 2222, 12]);
  });
});

describe('bestChannels', () => {
  const scores = Float64Array.of(3, 9, 3, 7, 1);
  test('takes the highest, ascending, and of equals the first', () => {
    expect(bestChannels(scores, 2)).toEqual([1, 3]);
    expect(bestChannels(scores, 3)).toEqual([0, 1, 3]);
  });
  test('passes over what is taken', () => {
    expect(bestChannels(scores, 2, new Set([1, 0]))).toEqual([2, 3]);
  });
});
