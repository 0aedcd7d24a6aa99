import { expect, test } from 'vitest';
import { MemoryTier } from '../../../../src/server/service/cache/cache.ts';
import { entryOf, keyOf } from './entry-maker.ts';

test('the least recently used go when the bytes are full', () => {
  const memory = new MemoryTier(50_000);
  for (let i = 0; i < 4; i++) memory.set(keyOf(i), entryOf(i, 10_000));
  expect(memory.get(keyOf(0))?.facts['number']).toBe(0);
  memory.set(keyOf(4), entryOf(4, 10_000));
  expect([0, 1, 2, 3, 4].map((i) => memory.get(keyOf(i)) !== undefined)).toEqual([true, false, true, true, true]);
  expect(memory.size.entries).toBe(4);
  expect(memory.size.bytes).toBeLessThanOrEqual(50_000);
});

test('one that would push out a quarter of the others is not kept', () => {
  const memory = new MemoryTier(100_000);
  memory.set(keyOf(1), entryOf(1, 30_000));
  expect(memory.get(keyOf(1))).toBeUndefined();
  memory.set(keyOf(1), entryOf(1, 20_000));
  expect(memory.get(keyOf(1))).toBeDefined();
});

test('keeps a picture in memory of its own, of its size', () => {
  const memory = new MemoryTier(50_000);
  const large = new Uint8Array(20_000).fill(7);
  memory.set(keyOf(0), { facts: {}, data: large.subarray(0, 9000) });
  large.fill(8);
  const { data } = memory.get(keyOf(0)) ?? {};
  expect(data?.every((value) => value === 7)).toBe(true);
  expect([data?.byteLength, data?.buffer.byteLength]).toEqual([9000, 9000]);
});
