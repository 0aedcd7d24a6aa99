import { describe, expect, test } from 'vitest';
import { prunableWidths } from '../../../../src/core/network/prunable.ts';
import {
  leastRemoved,
  listCandidates,
  paperCandidates,
  sharedCandidates,
} from '../../../../src/trainer/compress/search/candidates.ts';

describe('paperCandidates', () => {
  // Worked out by hand from the released code's formula, and printed in its search logs.
  test.each([
    { width: 64, ratio: 0.3, expected: [20, 24, 32, 36, 40, 44] },
    { width: 64, ratio: 0.5, expected: [16, 20, 20, 24, 28, 32] },
    { width: 64, ratio: 0.7, expected: [8, 12, 12, 16, 16, 20] },
    { width: 16, ratio: 0.3, expected: [4, 4, 8, 8, 8, 12] },
  ])('of $width channels without $ratio are $expected', ({ width, ratio, expected }) => {
    expect(paperCandidates(width, ratio)).toEqual(expected);
  });

  test('never keep more channels than there are, nor none', () => {
    expect(paperCandidates(3, 0.1)).toEqual([3, 3, 3, 3, 3, 3]);
    expect(paperCandidates(64, 0.95)).toEqual([4, 4, 4, 4, 4, 4]);
  });

  test('are multiples of vector units on demand', () => {
    expect(paperCandidates(64, 0.3, 16)).toEqual([16, 32, 32, 32, 32, 48]);
    expect(paperCandidates(48, 0.5, 8)).toEqual([8, 16, 16, 16, 24, 24]);
  });
});

describe('sharedCandidates', () => {
  const [edge] = prunableWidths({ family: 'edge', scale: 4, featureCount: 32, innerWidths: [32] });
  const [down] = prunableWidths({ family: 'drn', scale: 2, featureCount: 10, blockCount: 1 });

  test('of a block that may be dropped begin with 0', () => {
    expect(sharedCandidates(edge, 16)).toEqual([0, 16, 32]);
    expect(sharedCandidates(edge, 8)).toEqual([0, 8, 16, 24, 32]);
  });

  test('keep the full width although it is no multiple, and the fewest channels', () => {
    expect(sharedCandidates(down, 4)).toEqual([4, 8, 10]);
  });
});

test('every prunable width has its own list', () => {
  const spec = { family: 'drn', scale: 4, featureCount: 16, blockCount: 30 } as const;
  const lists = listCandidates(spec, 4, 0.7);
  expect(lists).toHaveLength(64);
  expect(lists[0]).toEqual([4, 4, 4, 4, 4, 4]);
  expect(lists[63]).toEqual([8, 12, 12, 16, 16, 20]);
});

test.each([
  [32, 0.3, 4, 0.375],
  [32, 0.2, 16, 0],
  [16, 0.5, 16, 0],
] as const)('of widths of %i a ratio of %f in multiples of %i removes %f at least', (width, ratio, multiple, share) => {
  const spec = { family: 'edge', scale: 4, featureCount: 16, innerWidths: [width, width] } as const;
  expect(leastRemoved(spec, listCandidates(spec, multiple, ratio))).toBe(share);
});
