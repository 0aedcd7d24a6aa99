import { describe, expect, test } from 'vitest';
import { openPicture } from '../../../src/core/codec/open-picture.ts';
import { pixels, smooth, toSharp } from './pictures.ts';

const [WIDTH, HEIGHT] = [20, 40];
const picture = pixels(WIDTH, HEIGHT, 3, smooth);
const rowsOf = (top: number, rows: number) => picture.data.slice(top * WIDTH * 3, (top + rows) * WIDTH * 3);
const encoded = () => toSharp(picture).png().toBuffer();

describe('openPicture', () => {
  test('decodes what fits into one band once, whichever rows are asked for first', async () => {
    const bytes = await encoded();
    const { read } = await openPicture(bytes);
    expect(await read(18, 4)).toEqual(rowsOf(18, 4));
    // From here on nothing can be decoded any more.
    bytes.fill(0);
    expect(await read(0, 10)).toEqual(rowsOf(0, 10));
    expect(await read(30, 10)).toEqual(rowsOf(30, 10));
  });

  test('gives rows that are asked for at the same time, in bands of a few rows', async () => {
    const { read } = await openPicture(await encoded(), {}, WIDTH * 3 * 8);
    const parts = await Promise.all([read(0, 6), read(4, 8), read(30, 10), read(2, 3)]);
    expect(parts).toEqual([rowsOf(0, 6), rowsOf(4, 8), rowsOf(30, 10), rowsOf(2, 3)]);
  });

  test('goes on after a failure', async () => {
    const bytes = await encoded();
    const { read } = await openPicture(bytes, {}, WIDTH * 3 * 8);
    const kept = Buffer.from(bytes);
    bytes.fill(0, 60);
    await expect(read(0, 4)).rejects.toMatchObject({ code: 'DS_BAD_IMAGE' });
    bytes.set(kept);
    expect(await read(0, 4)).toEqual(rowsOf(0, 4));
  });
});
