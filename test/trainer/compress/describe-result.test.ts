import { describe, expect, test } from 'vitest';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { describeBudget, noteShortfalls } from '../../../src/trainer/compress/result/describe.ts';

const edge = (...innerWidths: number[]): NetworkSpec => ({ family: 'edge', scale: 4, featureCount: 32, innerWidths });
const LATENCY = { kind: 'latency', latencyMs: 100, width: 320, height: 180 } as const;

describe('describeBudget', () => {
  test.each([
    [0.5, [16, 16], '50 % of the channels removed'],
    [0.3, [20, 20], '37.5 % of the channels removed, 30 % asked for'],
    [0.7, [8, 0], '87.5 % of the channels removed, 70 % asked for'],
  ] as const)('of a ratio of %f says how many channels went', (ratio, widths, text) => {
    expect(describeBudget({ kind: 'ratio', ratio }, edge(32, 32), edge(...widths))).toBe(text);
  });

  test('counts the channels of drn', () => {
    const base: NetworkSpec = { family: 'drn', scale: 2, featureCount: 8, blockCount: 1 };
    const text = describeBudget({ kind: 'ratio', ratio: 0.5 }, base, { ...base, keptChannels: [4, 8, 8] });
    expect(text).toBe('50 % of the channels removed');
  });

  test('names the conditions of a latency', () => {
    expect(describeBudget(LATENCY, edge(32), edge(16))).toBe('100 ms at 320x180, percentile 50, threads 1');
  });
});

describe('noteShortfalls', () => {
  const attempt = (measuredMs: number) => ({ choice: [0], predictedMs: 95, measuredMs });
  const attempts = [attempt(88), attempt(101)];

  const settings = { budget: LATENCY, multiple: 4 } as const;

  test('tells of a latency that was not used up', () => {
    const fitted = { ...attempts[0], widths: [16], fits: false, attempts };
    expect(noteShortfalls(settings, edge(32), fitted)).toEqual([
      'took 88.00 ms when its widths were chosen, 88 % of the target: none of the 2 networks that were timed took from 90 to 100 % of it',
    ]);
  });

  test('tells of multiples that are too many to be timed', () => {
    const drn: NetworkSpec = { family: 'drn', scale: 2, featureCount: 8, blockCount: 1 };
    expect(noteShortfalls(settings, drn, undefined)).toEqual([
      'has widths in multiples of 16, not 4: others of drn are not timed',
    ]);
    expect(noteShortfalls({ ...settings, multiple: 16 }, drn, undefined)).toEqual([]);
  });

  test('says nothing where all is as asked for', () => {
    const fitted = { ...attempt(95), widths: [16], fits: true, attempts: [attempt(95)] };
    expect(noteShortfalls(settings, edge(32), fitted)).toEqual([]);
    expect(noteShortfalls({ budget: { kind: 'ratio', ratio: 0.5 }, multiple: 8 }, edge(32), undefined)).toEqual([]);
  });
});
