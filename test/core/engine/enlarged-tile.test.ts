import { describe, expect, it, test } from 'vitest';
import {
  type CopiedArea,
  copyBytes,
  tileOfPixels,
  tileOfSubpixels,
} from '../../../src/core/engine/tile/enlarged-tile.ts';

/** A picture whose every sample is another number, and the same as a network with pixel shuffle of `side` has it before that. */
function picture(width: number, height: number, side: number) {
  const [columns, rows, channels] = [width / side, height / side, 3 * side * side];
  const pixels = new Float32Array(width * height * 3);
  const cells = new Float32Array(pixels.length);
  const bytes = new Uint8Array(pixels.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let colour = 0; colour < 3; colour++) {
        const [row, column] = [Math.floor(y / side), Math.floor(x / side)];
        const channel = ((y % side) * side + (x % side)) * 3 + colour;
        const value = (y * width + x) * 3 + colour;
        pixels[value] = value;
        cells[(channel * rows + row) * columns + column] = value;
        bytes[(channel * rows + row) * columns + column] = value % 251;
      }
    }
  }
  return { pixels, tile: tileOfSubpixels(cells, [1, channels, rows, columns], bytes) };
}

const SIDES = [1, 2, 3, 4, 8];

describe('a tile in cells', () => {
  test.each(SIDES)('of %s pixels gives the rows that the same pixels give', (side) => {
    const [width, height] = [side * 5, side * 3];
    const { pixels, tile } = picture(width, height, side);
    const expected = tileOfPixels(pixels, [1, height, width, 3]);
    expect([tile.width, tile.height]).toEqual([width, height]);
    for (const [first, count] of [
      [0, height],
      [1, height - 1],
      [height - 1, 1],
    ] as const) {
      // biome-ignore format: one line
      expect(tile.rows(first, count)).toEqual(expected.rows(first, count));
    }
  });

  it('refuses other shapes', () => {
    expect(() => tileOfSubpixels(new Float32Array(10), [1, 10, 1, 1], new Uint8Array(10))).toThrow('got [1,10,1,1]');
    expect(() => tileOfPixels(new Float32Array(4), [1, 1, 1, 4])).toThrow('got [1,1,1,4]');
  });
});

describe('bytes', () => {
  /** `area` of the tile at (4, 5) cells of a larger picture that is all 255. */
  function copied(side: number, area: CopiedArea, offsets: readonly [number, number] = [0, 0]) {
    const [width, height] = [side * 6, side * 4];
    const { tile } = picture(width, height, side);
    const { data, ...facts } = tile.bytes!;
    const source = new Uint8Array(data.length + 8).subarray(offsets[0], offsets[0] + data.length);
    source.set(data);
    const target = new Uint8Array(new SharedArrayBuffer((width + 8 * side) * (height + 11 * side) * 3 + 8)).fill(255);
    const samples = target.subarray(offsets[1], target.length - 8 + offsets[1]);
    const to = { samples, width: width + 8 * side, x: 4 * side, y: 5 * side + 1 };
    copyBytes({ data: source, ...facts }, area, to);
    const expected = new Uint8Array(samples.length).fill(255);
    for (let y = 0; y < area.height; y++) {
      for (let x = 0; x < area.width * 3; x++) {
        const value = ((area.y + y) * width + area.x) * 3 + x;
        expected[((to.y + y) * to.width + to.x) * 3 + x] = value % 251;
      }
    }
    return { samples: Uint8Array.from(samples), expected };
  }

  test.each(SIDES)('in cells of %s pixels come to their place', (side) => {
    for (const area of [
      { x: 0, y: 0, width: 6 * side, height: 4 * side },
      { x: side, y: side, width: 4 * side, height: 2 * side },
      { x: 5 * side, y: 2 * side + (side >> 1), width: side, height: 1 },
    ]) {
      const { samples, expected } = copied(side, area);
      expect(samples).toEqual(expected);
    }
  });

  test.each([
    [1, 0],
    [0, 1],
    [2, 2],
    [2, 0],
  ] as const)('at offsets %s and %s of their memory too', (from, to) => {
    // biome-ignore format: one line
    const { samples, expected } = copied(4, { x: 4, y: 4, width: 16, height: 8 }, [from, to]);
    expect(samples).toEqual(expected);
  });
});
