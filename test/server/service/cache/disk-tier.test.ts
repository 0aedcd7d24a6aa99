import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileOf } from '../../../../src/server/service/cache/disk-index.ts';
import { DiskTier } from '../../../../src/server/service/cache/disk-tier.ts';
import { entryOf, keyOf } from './entry-maker.ts';
import { temporaryFolder } from './temporary-folder.ts';

async function open(directory: string, maxBytes = 1e6) {
  const errors: unknown[] = [];
  const disk = await DiskTier.open({
    directory,
    maxBytes,
    now: Date.now,
    onError: (error) => void errors.push(error),
  });
  return { disk, errors };
}

const numberOf = async (disk: DiskTier, number: number) => (await disk.get(keyOf(number)))?.facts['number'];

async function filesBelow(directory: string): Promise<string[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map(({ name }) => name);
}

test('an entry outlives the tier that wrote it', async () => {
  const directory = await temporaryFolder();
  const { disk } = await open(directory);
  await disk.set(keyOf(1), entryOf(1));
  await disk.close();
  const again = await open(directory);
  const entry = await again.disk.get(keyOf(1));
  expect(entry?.facts).toEqual(entryOf(1).facts);
  expect(Buffer.compare(entry?.data as Uint8Array, entryOf(1).data)).toBe(0);
  expect(again.disk.size.entries).toBe(1);
  expect(again.disk.size.bytes).toBe((await stat(fileOf(directory, keyOf(1)))).size);
  expect(await again.disk.get(keyOf(2))).toBeUndefined();
  expect(again.errors).toEqual([]);
});

test('the folder stays within its bytes; the least recently used files are removed', async () => {
  const directory = await temporaryFolder();
  const { disk } = await open(directory, 50_000);
  for (let i = 0; i < 4; i++) await disk.set(keyOf(i), entryOf(i, 10_000));
  expect(await numberOf(disk, 0)).toBe(0);
  await disk.set(keyOf(4), entryOf(4, 10_000));
  await disk.set(keyOf(5), entryOf(5, 10_000));
  await disk.close();
  expect(await filesBelow(join(directory, 'entries'))).toHaveLength(4);
  expect(await Promise.all([0, 1, 2, 3, 4, 5].map((i) => numberOf(disk, i)))).toEqual([
    0,
    undefined,
    undefined,
    3,
    4,
    5,
  ]);
  const sizes = await Promise.all([0, 3, 4, 5].map(async (i) => (await stat(fileOf(directory, keyOf(i)))).size));
  expect(disk.size.bytes).toBe(sizes.reduce((sum, size) => sum + size));
});

test('a restart knows what was used last, and obeys a smaller bound', async () => {
  const directory = await temporaryFolder();
  const { disk } = await open(directory, 100_000);
  for (let i = 0; i < 3; i++) {
    await disk.set(keyOf(i), entryOf(i, 10_000));
    await utimes(fileOf(directory, keyOf(i)), 1000 + ((i + 1) % 3), 1000 + ((i + 1) % 3));
  }
  const { disk: smaller } = await open(directory, 41_000);
  for (const i of [9, 8, 7]) await smaller.set(keyOf(i), entryOf(i, 10_000));
  await smaller.close();
  // Written down as used: 2, then 0, then 1.
  const numbers = await Promise.all([0, 1, 2, 7, 8, 9].map((i) => numberOf(smaller, i)));
  expect(numbers).toEqual([undefined, 1, undefined, 7, 8, 9]);
});

test('a damaged file is not served, is reported, and is removed', async () => {
  const directory = await temporaryFolder();
  const { disk, errors } = await open(directory);
  for (const i of [1, 2, 3]) await disk.set(keyOf(i), entryOf(i));
  const whole = await readFile(fileOf(directory, keyOf(1)));
  await writeFile(fileOf(directory, keyOf(1)), whole.subarray(0, 500));
  await writeFile(fileOf(directory, keyOf(2)), Buffer.alloc(whole.length));
  expect(await Promise.all([1, 2, 3].map((i) => numberOf(disk, i)))).toEqual([undefined, undefined, 3]);
  expect(errors).toHaveLength(2);
  expect(disk.size.entries).toBe(1);
  expect(await filesBelow(join(directory, 'entries'))).toEqual([keyOf(3)]);
});

test('a file that somebody else removed is a miss, one that somebody else wrote a hit', async () => {
  const directory = await temporaryFolder();
  const [{ disk: first, errors }, { disk: second }] = [await open(directory), await open(directory)];
  await first.set(keyOf(1), entryOf(1));
  expect(await numberOf(second, 1)).toBe(1);
  expect(second.size.entries).toBe(1);
  await second.close();
  await rm(fileOf(directory, keyOf(1)));
  expect(await numberOf(first, 1)).toBeUndefined();
  expect([first.size.entries, errors]).toEqual([0, []]);
});

test('unfinished files of dead writers are removed at the start, those of living ones stay', async () => {
  const directory = await temporaryFolder();
  const folder = join(directory, 'unfinished');
  await mkdir(folder, { recursive: true });
  // Process ids end at 2^22.
  const names = [`${process.pid}-1-a`, '99999999-1-b', 'junk', `${process.ppid}-1-c`];
  for (const name of names) await writeFile(join(folder, name), 'half');
  await open(directory);
  expect(await readdir(folder)).toEqual([`${process.ppid}-1-c`]);
});

test('foreign files in the folder are left alone', async () => {
  const directory = await temporaryFolder();
  await mkdir(join(directory, 'entries', 'ab'), { recursive: true });
  await writeFile(join(directory, 'entries', 'ab', 'notes.txt'), 'mine');
  const { disk } = await open(directory);
  expect(disk.size).toEqual({ bytes: 0, entries: 0 });
  expect(await filesBelow(directory)).toEqual(['notes.txt']);
});

test('a folder that cannot be made is refused by name', async () => {
  const directory = await temporaryFolder();
  await writeFile(join(directory, 'file'), '');
  await expect(open(join(directory, 'file'))).rejects.toMatchObject({
    code: 'DS_BAD_OPTION',
    message: expect.stringContaining('cache.directory'),
  });
});
