import { setTimeout as sleep } from 'node:timers/promises';
import Keyv from 'keyv';
import { createStorage } from 'unstorage';
import fsDriver from 'unstorage/drivers/fs';
import { describe, expect, test } from 'vitest';
import { createSharedTier, type SharedStore } from '../../../../src/server/service/cache/shared-tier.ts';
import { entryOf, keyOf } from './entry-maker.ts';
import { NO_REDIS, openRedis } from './redis.ts';
import { temporaryFolder } from './temporary-folder.ts';

function open(store: SharedStore, timeoutMs?: number) {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  return { tier: createSharedTier({ store, onError, timeoutMs }), errors };
}

const stores: [name: string, create: () => Promise<SharedStore>][] = [
  ['Keyv', async () => new Keyv()],
  ['unstorage in memory', async () => createStorage()],
  ['unstorage in files', async () => createStorage({ driver: fsDriver({ base: await temporaryFolder() }) })],
  ['a Map', async () => new Map<string, unknown>()],
];

function sharesEntries(create: () => Promise<SharedStore>): void {
  test('gives back what another server stored, byte for byte', async () => {
    const store = await create();
    const { tier: first, errors } = open(store);
    const { tier: second } = open(store);
    const entry = { facts: entryOf(1).facts, data: Uint8Array.from({ length: 1000 }, (__, i) => i % 256) };
    await first.set(keyOf(1), entry);
    const found = await second.get(keyOf(1));
    expect(found?.facts).toEqual(entry.facts);
    expect(Buffer.compare(found?.data as Uint8Array, entry.data)).toBe(0);
    expect(await second.get(keyOf(2))).toBeUndefined();
    expect(errors).toEqual([]);
  });

  test('a damaged value is not served and is deleted', async () => {
    const store = await create();
    const { tier, errors } = open(store);
    await tier.set(keyOf(1), entryOf(1));
    const name = `dualscale:${keyOf(1)}`;
    const value = (await store.get(name)) as string;
    await store.set(name, `${value.slice(0, 600)}AAAA${value.slice(604)}`);
    expect(await tier.get(keyOf(1))).toBeUndefined();
    expect(errors).toHaveLength(1);
    expect((await store.get(name)) ?? undefined).toBeUndefined();
  });
}

describe.each(stores)('%s', (_, create) => sharesEntries(create));

describe.skipIf(NO_REDIS)(NO_REDIS ? `Keyv on Redis: ${NO_REDIS}` : 'Keyv on Redis', () => {
  sharesEntries(async () => (await openRedis()).store);

  test('a server that is killed is a miss, and no failure', async () => {
    const redis = await openRedis();
    const { tier, errors } = open(redis.store, 200);
    await tier.set(keyOf(1), entryOf(1));
    expect(await tier.get(keyOf(1))).toBeDefined();
    await redis.kill();
    expect(await tier.get(keyOf(1))).toBeUndefined();
    await tier.set(keyOf(2), entryOf(2));
    expect(errors.length).toBeGreaterThan(0);
  });
});

test('a store that fails or hangs is a miss, soon', async () => {
  const failing = open({ get: () => Promise.reject(new Error('down')), set: () => Promise.reject(new Error('down')) });
  expect(await failing.tier.get(keyOf(1))).toBeUndefined();
  await failing.tier.set(keyOf(1), entryOf(1));
  expect(failing.errors).toHaveLength(2);
  const hanging = open({ get: () => sleep(60_000, undefined, { ref: false }), set: () => {} }, 20);
  const start = performance.now();
  expect(await hanging.tier.get(keyOf(1))).toBeUndefined();
  expect(performance.now() - start).toBeLessThan(5000);
  expect(hanging.errors).toHaveLength(1);
});

test.each([undefined, {}, { get: () => 1 }])('%j is not a store', (store) => {
  expect(() => open(store as never)).toThrowError(expect.objectContaining({ code: 'DS_BAD_OPTION' }));
});
