import { describe, expect, test } from 'vitest';
import { restoreUtil } from '../../../src/core/engine/tfjs/tfjs-backend.ts';

describe('restoreUtil', () => {
  test('gives back what Node 23 removed', () => {
    const util: Record<string, unknown> = {};
    restoreUtil(util);
    const { isNullOrUndefined, isArray } = util as Record<string, (value: unknown) => boolean>;
    expect([null, undefined, 0, '', false, []].map((value) => isNullOrUndefined?.(value))).toEqual([
      ...[true, true],
      ...[false, false, false, false],
    ]);
    expect([[], [1], { length: 0 }, new Float32Array(1)].map((value) => isArray?.(value))).toEqual([
      ...[true, true],
      ...[false, false],
    ]);
  });

  test('leaves what is there alone', () => {
    const isArray = () => true;
    const util: Record<string, unknown> = { isArray };
    restoreUtil(util);
    expect(util['isArray']).toBe(isArray);
  });
});
