import { expect, test } from 'vitest';
import { collectAll, collectYoung } from '../../../src/core/engine/tile/collect-garbage.ts';

/** An object that has outlived minor collections, and that nobody holds any more. */
function dropOld(): WeakRef<object> {
  const old = { name: 'old' };
  collectYoung();
  collectYoung();
  return new WeakRef(old);
}

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

test('a full collection frees what minor ones have let grow old', async () => {
  const old = dropOld();
  // A WeakRef holds on to its target until the task that made it or looked at it has ended.
  await new Promise(setImmediate);
  collectYoung();
  expect(old.deref()).toBeDefined();
  await new Promise(setImmediate);
  collectAll();
  expect(old.deref()).toBeUndefined();
});
