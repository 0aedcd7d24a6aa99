import { describe, expect, test } from 'vitest';
import { checkWindow, rowsOf } from '../../../src/core/engine/tile/check-window.ts';
import { tileOfPixels } from '../../../src/core/engine/tile/enlarged-tile.ts';

const tile = (y: number, height: number, read: { y: number; height: number }) => ({
  x: 0,
  y,
  width: 8,
  height,
  read: { x: 0, width: 8, ...read },
});

describe('the rows of a tile that are checked', () => {
  test.each([
    ['all of a whole picture', tile(0, 100, { y: 0, height: 100 }), 1, [0, 100, 0, 100]],
    ['all of a tile, with four rows of its halo', tile(64, 32, { y: 54, height: 52 }), 1, [6, 40, 4, 32]],
    ['a quarter, in the middle', tile(0, 100, { y: 0, height: 100 }), 0.25, [33, 33, 4, 25]],
    ['a quarter, behind a halo', tile(64, 100, { y: 54, height: 120 }), 0.25, [43, 33, 4, 25]],
    ['never fewer than 16', tile(0, 100, { y: 0, height: 100 }), 0.01, [38, 24, 4, 16]],
    ['all where there are fewer', tile(0, 9, { y: 0, height: 9 }), 0.01, [0, 9, 0, 9]],
  ])('%s', (_, given, share, [top, rows, firstJudged, judgedRows]) => {
    const readRows = given.read.height;
    expect(checkWindow(given, share)).toEqual({ top, rows, readRows, firstJudged, judgedRows });
  });

  test('are cut out of the enlarged tile without a copy', () => {
    const enlarged = Float32Array.from({ length: 12 * 4 * 3 }, (_, i) => i);
    const window = { top: 1, rows: 3, readRows: 6, firstJudged: 1, judgedRows: 1 };
    const { values, shape } = rowsOf(tileOfPixels(enlarged, [1, 12, 4, 3]), window);
    expect(shape).toEqual([1, 6, 4, 3]);
    expect([values[0], values.length]).toEqual([2 * 12, 6 * 12]);
    expect(values.buffer).toBe(enlarged.buffer);
  });
});
