import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planTiles } from '../../../src/core/upscale/plan-tiles.ts';

const plans = fc.record({
  width: fc.integer({ min: 1, max: 400 }),
  height: fc.integer({ min: 1, max: 400 }),
  halo: fc.integer({ min: 0, max: 24 }),
  spare: fc.integer({ min: 0, max: 20_000 }),
  minTiles: fc.integer({ min: 1, max: 16 }),
});

function planOf({
  halo,
  spare,
  ...rest
}: {
  width: number;
  height: number;
  halo: number;
  spare: number;
  minTiles: number;
}) {
  const maxTilePixels = (2 * halo + 1) ** 2 + spare;
  return { maxTilePixels, halo, ...rest, tiles: planTiles({ ...rest, halo, maxTilePixels }) };
}

describe('planTiles', () => {
  test('covers every pixel exactly once', () => {
    fc.assert(
      fc.property(plans, (options) => {
        const { width, height, tiles } = planOf(options);
        const seen = new Uint8Array(width * height);
        for (const { x, y, width: tileWidth, height: tileHeight } of tiles) {
          for (let row = y; row < y + tileHeight; row++) {
            for (let column = x; column < x + tileWidth; column++) seen[row * width + column]! += 1;
          }
        }
        return seen.every((count) => count === 1);
      }),
    );
  });

  test('reads the halo on every side, or up to the border of the picture', () => {
    fc.assert(
      fc.property(plans, (options) => {
        const { width, height, halo, tiles } = planOf(options);
        return tiles.every(
          ({ read, ...tile }) =>
            read.x === Math.max(0, tile.x - halo) &&
            read.y === Math.max(0, tile.y - halo) &&
            read.x + read.width === Math.min(width, tile.x + tile.width + halo) &&
            read.y + read.height === Math.min(height, tile.y + tile.height + halo),
        );
      }),
    );
  });

  test('never reads more than the limit', () => {
    fc.assert(
      fc.property(plans, (options) => {
        const { tiles, maxTilePixels } = planOf(options);
        return tiles.every(({ read }) => read.width * read.height <= maxTilePixels);
      }),
    );
  });

  test('a picture that fits and needs no more tiles is one tile', () => {
    expect(planTiles({ width: 128, height: 96, halo: 18, maxTilePixels: 128 * 96 })).toEqual([
      { x: 0, y: 0, width: 128, height: 96, read: { x: 0, y: 0, width: 128, height: 96 } },
    ]);
  });

  test('two tiles of a square share it along one side', () => {
    const tiles = planTiles({ width: 100, height: 100, halo: 10, maxTilePixels: 1e6, minTiles: 2 });
    expect(tiles.map(({ read }) => read.width * read.height)).toEqual([6000, 6000]);
  });

  test('no grid with equal cuts reads less', () => {
    // Exhaustive search over grids cut evenly, written independently of the planner.
    const options = { width: 700, height: 300, halo: 18, maxTilePixels: 40_000 };
    const total = planTiles(options).reduce((sum, { read }) => sum + read.width * read.height, 0);
    let least = Number.POSITIVE_INFINITY;
    for (let columns = 1; columns <= 30; columns++) {
      for (let rows = 1; rows <= 30; rows++) {
        const reads = (length: number, count: number) =>
          Array.from({ length: count }, (_, i) => {
            const start = Math.max(0, Math.floor((i * length) / count) - options.halo);
            return Math.min(length, Math.floor(((i + 1) * length) / count) + options.halo) - start;
          });
        const widths = reads(options.width, columns);
        const heights = reads(options.height, rows);
        if (Math.max(...widths) * Math.max(...heights) > options.maxTilePixels) continue;
        const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
        least = Math.min(least, sum(widths) * sum(heights));
      }
    }
    expect(total).toBeLessThanOrEqual(least);
  });

  test('a picture too small for the tiles wanted gives fewer', () => {
    expect(planTiles({ width: 20, height: 20, halo: 18, maxTilePixels: 4096, minTiles: 16 })).toHaveLength(1);
  });

  test('a network without halo gets the whole picture, or a 413 above the limit', () => {
    const options = { width: 50, height: 40, halo: undefined, minTiles: 4 };
    expect(planTiles({ ...options, maxTilePixels: 2000 })).toHaveLength(1);
    expect(() => planTiles({ ...options, maxTilePixels: 1999 })).toThrow(
      expect.objectContaining({ code: 'DS_INPUT_TOO_LARGE', status: 413 }),
    );
  });

  test('a limit smaller than the halo names the option', () => {
    expect(() => planTiles({ width: 90, height: 90, halo: 20, maxTilePixels: 1600 })).toThrow(/`maxTilePixels`.*1681/);
  });
});
