import { expect, test } from 'vitest';
import { type CacheMeter, type CacheOptions, LayeredCache } from '../../../../src/server/service/cache/cache.ts';
import { entryOf, keyOf } from './entry-maker.ts';
import { temporaryFolder } from './temporary-folder.ts';

async function open(options: CacheOptions) {
  const told: string[] = [];
  const meter: CacheMeter = {
    cacheHit: (tier) => void told.push(`hit ${tier}`),
    cacheMiss: () => void told.push('miss'),
    cacheError: (tier) => void told.push(`error ${tier}`),
    cacheSize: () => {},
  };
  return { cache: await LayeredCache.open({ options, meter, onError: () => {}, now: Date.now }), told };
}

test('a picture is looked for in memory, then on disk, then in the shared store, and brought up', async () => {
  const [directory, shared] = [await temporaryFolder(), new Map<string, unknown>()];
  const writer = await open({ directory, shared });
  expect(await writer.cache.get(keyOf(1))).toBeUndefined();
  writer.cache.set(keyOf(1), entryOf(1));
  expect(writer.cache.peek(keyOf(1))?.facts).toEqual(entryOf(1).facts);
  await writer.cache.close();
  expect(writer.told).toEqual(['miss', 'hit memory']);

  const restarted = await open({ directory, shared });
  expect(restarted.cache.peek(keyOf(1))).toBeUndefined();
  expect((await restarted.cache.get(keyOf(1)))?.facts).toEqual(entryOf(1).facts);
  expect(restarted.cache.peek(keyOf(1))).toBeDefined();
  expect(restarted.told).toEqual(['hit disk', 'hit memory']);

  const directoryOfAnother = await temporaryFolder();
  const another = await open({ directory: directoryOfAnother, shared });
  expect(await another.cache.get(keyOf(1))).toBeDefined();
  await another.cache.close();
  const anotherRestarted = await open({ directory: directoryOfAnother });
  expect(await anotherRestarted.cache.get(keyOf(1))).toBeDefined();
  expect([another.told, anotherRestarted.told]).toEqual([['hit shared'], ['hit disk']]);
});

test('without memory and without a folder nothing is kept', async () => {
  const { cache, told } = await open({ memoryBytes: 0 });
  cache.set(keyOf(1), entryOf(1));
  expect([cache.peek(keyOf(1)), await cache.get(keyOf(1))]).toEqual([undefined, undefined]);
  expect(told).toEqual(['miss']);
});

test('a shared store that is down is counted and costs nothing else', async () => {
  const shared = { get: () => Promise.reject(new Error('down')), set: () => Promise.reject(new Error('down')) };
  const { cache, told } = await open({ shared });
  expect(await cache.get(keyOf(1))).toBeUndefined();
  cache.set(keyOf(1), entryOf(1));
  await cache.close();
  expect(told).toEqual(['error shared', 'miss', 'error shared']);
  expect(cache.peek(keyOf(1))).toBeDefined();
});
