import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unpack } from '../../../src/jobs/data/unpack.ts';
import { seededRandom } from '../job-bodies.ts';
import { TAR_END, tarFile, tarHeader } from './archives.ts';

const MIB = 2 ** 20;
const LIMITS = { maxFileBytes: MIB, maxTotalBytes: 4 * MIB, maxEntries: 100 };
/** A machine that is busy with other work holds a process up for some time by itself. */
const MAX_STALL_MS = 1000;

let folder: string;
let picture: Buffer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-unpack-'));
  const random = seededRandom(5);
  const noise = Buffer.from(Array.from({ length: 3 * 200 * 300 }, () => 256 * random()));
  picture = await sharp(noise, { raw: { width: 300, height: 200, channels: 3 } })
    .png()
    .toBuffer();
});
afterAll(() => rm(folder, { recursive: true }));

/** What was taken, how it ended, and how long nothing else could run meanwhile. */
async function unpacked(bytes: Buffer, limits = LIMITS) {
  const path = join(folder, 'archive');
  await writeFile(path, bytes);
  const taken: Buffer[] = [];
  let [stallMs, last] = [0, performance.now()];
  const look = () => {
    const now = performance.now();
    stallMs = Math.max(stallMs, now - last);
    last = now;
  };
  const timer = setInterval(look, 1);
  const take = async (file: Buffer) => void taken.push(file);
  const error = await unpack(path, false, limits, take).then(
    () => undefined,
    (failure: unknown) => failure,
  );
  look();
  clearInterval(timer);
  return { taken, error, stallMs };
}

const tooLarge = expect.objectContaining({ code: 'DS_BODY_TOO_LARGE' });

describe('a small tar.gz that unfolds to much', () => {
  test('of zeros after its end is read to its end only, while the server goes on', async () => {
    const archive = gzipSync(Buffer.concat([tarFile('a.png', picture), TAR_END, Buffer.alloc(32 * MIB)]));
    expect(archive.length).toBeLessThan(MIB / 3);
    const { taken, error, stallMs } = await unpacked(archive);
    expect(error).toBeUndefined();
    expect(taken).toEqual([picture]);
    expect(stallMs).toBeLessThan(MAX_STALL_MS);
  });

  test.each([
    ['an attribute block, which is read', 'x', MIB / 32],
    ['an attribute block too long to read', 'x', 2 * MIB],
    ['a dump of a folder, which is not read', 'D', 2 * MIB],
    ['a file that is no picture', '0', 2 * MIB],
  ])('of entries that give no picture, each %s, is refused', async (_what, type, size) => {
    const entry = Buffer.concat([tarHeader({ name: 'x', size, type }), Buffer.alloc(size)]);
    const entries = Array.from({ length: (32 * MIB) / size }, () => entry);
    const archive = gzipSync(Buffer.concat([tarFile('a.png', picture), ...entries, TAR_END]));
    expect(archive.length).toBeLessThan(MIB / 3);
    const { error, stallMs } = await unpacked(archive);
    expect(error).toEqual(tooLarge);
    expect(stallMs).toBeLessThan(MAX_STALL_MS);
  });

  test('of a tar.gz in it is no archive, however the inner one is cut into members', async () => {
    const inner = gzipSync(Buffer.concat([tarFile('a.png', picture), Buffer.alloc(32 * MIB)]));
    for (const at of [0, 1, 3, 512]) {
      const { taken, error } = await unpacked(
        Buffer.concat([gzipSync(inner.subarray(0, at)), gzipSync(inner.subarray(at))]),
      );
      expect(taken).toEqual([]);
      expect(error).toBeInstanceOf(Error);
    }
  });
});

describe('a tar', () => {
  const wanted = Buffer.concat([1, 2, 3].map((i) => tarFile(`${i}.png`, Buffer.alloc(100_000 * i, i))));

  test.each([
    ['plain', (tar: Buffer) => tar],
    ['gzip', gzipSync],
    [
      'gzip of many members',
      (tar: Buffer) => Buffer.concat([gzipSync(tar.subarray(0, 999)), gzipSync(tar.subarray(999))]),
    ],
  ])('%s gives its pictures in turn, each whole, with and without blocks at its end', async (_name, pack) => {
    for (const end of [TAR_END, Buffer.alloc(0)]) {
      const { taken, error } = await unpacked(pack(Buffer.concat([wanted, end])));
      expect(error).toBeUndefined();
      expect(taken.map((file) => [file.length, file[0]])).toEqual([
        [100_000, 1],
        [200_000, 2],
        [300_000, 3],
      ]);
    }
  });

  test('that is cut, plain or packed, is damaged', async () => {
    const packed = gzipSync(Buffer.concat([tarFile('a.png', picture), TAR_END]));
    for (const bytes of [wanted.subarray(0, 250_000), packed.subarray(0, -2000), packed.subarray(0, 2)]) {
      expect((await unpacked(bytes)).error).toBeInstanceOf(Error);
    }
  });

  test('may have so many entries, of whatever kind', async () => {
    for (const type of ['0', '5', 'D', 'x']) {
      const data = type === '0' || type === 'x' ? Buffer.from('11 path=ab\n') : Buffer.alloc(0);
      const entries = Array.from({ length: 101 }, (_, i) => tarFile(`${i}`, data, type));
      expect([type, (await unpacked(Buffer.concat([...entries, TAR_END]))).error]).toEqual([type, tooLarge]);
    }
  });

  test('whose picture cannot be kept ends with the reason', async () => {
    const path = join(folder, 'archive');
    await writeFile(path, gzipSync(Buffer.concat([wanted, TAR_END])));
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    await expect(unpack(path, false, LIMITS, () => Promise.reject(full))).rejects.toBe(full);
  });
});
