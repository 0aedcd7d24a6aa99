import { expect, test } from 'vitest';
import { collectYoung } from '../../src/engine/collect-young.ts';

const PICTURES = 40;
const BYTES = 8 * 2 ** 20;

/** Touches as much memory as a worker is sent with pictures, and holds on to none of it. */
function dropPictures(after: () => void): number {
  const before = process.memoryUsage.rss();
  for (let i = 0; i < PICTURES; i++) {
    new Uint8Array(new SharedArrayBuffer(BYTES)).fill(1);
    after();
  }
  return process.memoryUsage.rss() - before;
}

test('shared memory that was dropped is freed before the next picture comes', () => {
  collectYoung();
  expect(dropPictures(collectYoung)).toBeLessThan(PICTURES * BYTES * 0.25);
  // What there would be without: if this fails, collectYoung() is no longer needed.
  expect(dropPictures(() => {})).toBeGreaterThan(PICTURES * BYTES * 0.5);
});
