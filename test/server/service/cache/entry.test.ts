import { expect, test } from 'vitest';
import { packEntry, unpackEntry } from '../../../../src/server/service/cache/entry.ts';
import { entryOf } from './entry-maker.ts';

test('what was packed comes back', async () => {
  const entry = { facts: { modelId: 'edge-x4', width: 7, note: 'ä' }, data: Uint8Array.of(0, 255, 1, 2) };
  const unpacked = await unpackEntry(Buffer.concat(await packEntry(entry)));
  expect(unpacked?.facts).toEqual(entry.facts);
  expect([...(unpacked?.data ?? [])]).toEqual([0, 255, 1, 2]);
});

test('an entry that was cut anywhere is none', async () => {
  const packed = Buffer.concat(await packEntry(entryOf(3, 40)));
  for (let length = 0; length < packed.length; length++) {
    expect(await unpackEntry(packed.subarray(0, length)), `${length} bytes`).toBeUndefined();
  }
  expect(await unpackEntry(Buffer.concat([packed, Buffer.of(0)]))).toBeUndefined();
});

test('an entry with any bit turned is none', async () => {
  const packed = Buffer.concat(await packEntry(entryOf(3, 40)));
  for (let bit = 0; bit < packed.length * 8; bit++) {
    const damaged = Buffer.from(packed);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(await unpackEntry(damaged), `bit ${bit}`).toBeUndefined();
  }
});

test('zeros, as a power cut leaves them, are none', async () => {
  expect(await unpackEntry(new Uint8Array(5000))).toBeUndefined();
});

test('large entries are checked in pieces, to the same end', async () => {
  const packed = Buffer.concat(await packEntry(entryOf(3, 9_500_000)));
  expect((await unpackEntry(packed))?.data.length).toBe(9_500_000);
  packed[9_000_000] = (packed[9_000_000] as number) ^ 1;
  expect(await unpackEntry(packed)).toBeUndefined();
});
