import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromFloat16Bits, toFloat16Bits } from '../../../src/core/models/float16.ts';

describe('toFloat16Bits', () => {
  // Patterns from the table of IEEE 754 binary16.
  test.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [1023 * 2 ** -24, 0x03ff],
    [1 / 3, 0x3555],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
  ])('%d is the pattern %d', (value, bits) => {
    expect(toFloat16Bits(Math.fround(value))).toBe(bits);
  });

  test.each([
    ['half way above an even fraction stays', 1 + 2 ** -11, 0x3c00],
    ['half way above an odd fraction goes up', 1 + 3 * 2 ** -11, 0x3c02],
    ['just above half way goes up', 1 + 2 ** -11 + 2 ** -20, 0x3c01],
    ['a carry reaches the next power of two', 2 - 2 ** -12, 0x4000],
    ['half of the smallest subnormal goes to zero', 2 ** -25, 0x0000],
    ['one and a half of the smallest subnormal goes to two', 1.5 * 2 ** -24, 0x0002],
    ['the largest subnormal rounds up to the smallest normal', 2 ** -14 - 2 ** -26, 0x0400],
    ['below half way to infinity stays finite', 65519.99609375, 0x7bff],
    ['half way to infinity is infinity', 65520, 0x7c00],
  ])('%s', (_, value, bits) => {
    expect(toFloat16Bits(value)).toBe(bits);
    expect(toFloat16Bits(-value)).toBe(bits | 0x8000);
  });

  test('not a number stays not a number', () => {
    expect(fromFloat16Bits(toFloat16Bits(Number.NaN))).toBeNaN();
  });

  test('every pattern comes back from its value', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = fromFloat16Bits(bits);
      if (!Number.isNaN(value)) expect(toFloat16Bits(value)).toBe(bits);
    }
  });

  test('no other half is nearer', () => {
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const bits = toFloat16Bits(value);
        const error = Math.abs(fromFloat16Bits(bits) - value);
        for (const neighbour of [bits - 1, bits + 1]) {
          if ((neighbour & 0x7c00) === 0x7c00 || neighbour < 0) continue;
          expect(Math.abs(fromFloat16Bits(neighbour) - value)).toBeGreaterThanOrEqual(error);
        }
      }),
    );
  });
});
