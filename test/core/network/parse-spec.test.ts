import { describe, expect, test } from 'vitest';
import { DualscaleError } from '../../../src/core/errors.ts';
import { parseSpec } from '../../../src/core/network/parse-spec.ts';

const EDGE = { family: 'edge', scale: 3, featureCount: 512, innerWidths: [1, 512] };
const DRN = { family: 'drn', scale: 4, featureCount: 4, blockCount: 1 };

function failure(value: unknown): DualscaleError {
  try {
    parseSpec(value);
  } catch (error) {
    if (error instanceof DualscaleError) return error;
    throw error;
  }
  throw new Error('the spec was accepted');
}

describe('parseSpec', () => {
  test.each([
    EDGE,
    { ...EDGE, scale: 8 },
    { ...EDGE, innerWidths: [0, 16, 0] },
    DRN,
    { ...DRN, keptChannels: [4, 8, 16, 1, 16, 16] },
    { ...EDGE, scale: 2, featureCount: 1, innerWidths: [...new Array(225).fill(0), ...new Array(31).fill(1)] },
  ])('accepts %o and gives it back after JSON', (spec) => {
    expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

  test.each([
    { value: null, message: 'expected `spec` to be an object, got `null`' },
    { value: [EDGE], message: 'expected `spec` to be an object' },
    { value: 'edge', message: 'expected `spec` to be an object, got `"edge"`' },
    { value: {}, message: 'expected `spec.family` to be one of edge, drn, got `undefined`' },
    { value: { ...EDGE, family: 'swinir' }, message: 'got `"swinir"`' },
    { value: { ...EDGE, family: 'dual' }, message: 'expected `spec.family`' },
    { value: { ...EDGE, scale: 5 }, message: 'expected `spec.scale` to be one of 2, 3, 4, 8, got `5`' },
    { value: { ...EDGE, scale: '4' }, message: 'got `"4"`' },
    { value: { ...DRN, scale: 3 }, message: 'expected `spec.scale` to be one of 2, 4, 8, got `3`' },
    {
      value: { ...EDGE, featureCount: 0 },
      message: 'expected `spec.featureCount` to be an integer from 1 to 512, got `0`',
    },
    { value: { ...EDGE, featureCount: 513 }, message: 'got `513`' },
    { value: { ...EDGE, featureCount: 1.5 }, message: 'got `1.5`' },
    { value: { ...EDGE, featureCount: Number.NaN }, message: 'expected `spec.featureCount`' },
    { value: { ...EDGE, innerWidths: [] }, message: 'expected `spec.innerWidths` to be a list of 1 to 256 integers' },
    { value: { ...EDGE, innerWidths: new Array(257).fill(1) }, message: 'expected `spec.innerWidths`' },
    { value: { ...EDGE, innerWidths: new Array(32).fill(1) }, message: 'at most 31 widths above 0, got `32`' },
    {
      value: { ...EDGE, innerWidths: [4, -1] },
      message: 'expected `spec.innerWidths[1]` to be an integer from 0 to 512',
    },
    { value: { ...EDGE, innerWidths: { length: 1, 0: 4 } }, message: 'expected `spec.innerWidths`' },
    { value: { ...EDGE, weights: 'http://x' }, message: 'expected `spec.weights` to be absent' },
    { value: { ...DRN, blockCount: 257 }, message: 'expected `spec.blockCount` to be an integer from 1 to 256' },
    { value: { ...DRN, keptChannels: [4, 8] }, message: 'expected `spec.keptChannels` to be a list of 6 integers' },
    {
      value: { ...DRN, keptChannels: [5, 8, 16, 16, 16, 16] },
      message: '`spec.keptChannels[0]` to be an integer from 1 to 4',
    },
    { value: { ...DRN, keptChannels: null }, message: 'expected `spec.keptChannels`' },
    { value: { ...DRN, featureCount: 512, scale: 8 }, message: 'at most 100000000 parameters' },
  ])('refuses $value', ({ value, message }) => {
    const error = failure(value);
    expect(error.code).toBe('DS_BAD_MODEL');
    expect(error.message).toContain(message);
  });

  test('shows only the beginning of a long value', () => {
    expect(failure({ ...EDGE, scale: 'x'.repeat(100_000) }).message.length).toBeLessThan(200);
  });
});
