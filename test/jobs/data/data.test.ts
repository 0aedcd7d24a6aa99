import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { create as createTar } from 'tar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DualscaleError } from '../../../src/core/errors.ts';
import { splitByHash } from '../../../src/jobs/data/prepare-data.ts';
import { type TrafficOptions, TrafficSampler } from '../../../src/jobs/data/traffic.ts';
import { Uploads } from '../../../src/jobs/data/uploads.ts';
import { seededRandom } from '../job-bodies.ts';
import { tarHeader } from './archives.ts';

let folder: string;
let uploads: Uploads;
let server: Server;
let url: string;
const MAX_UPLOAD = 200_000;

const picture = (side: number, number: number) =>
  sharp({ create: { width: side, height: side, channels: 3, background: { r: number % 256, g: number >> 8, b: 7 } } })
    .png()
    .toBuffer();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-data-'));
  const directory = join(folder, 'uploads');
  await mkdir(directory);
  uploads = new Uploads({ directory, maxUploadBytes: MAX_UPLOAD, minFreeBytes: 0, now: Date.now, warn: () => {} });
  server = createServer((req, res) => {
    uploads.receive(req).then(
      (upload) => res.end(JSON.stringify(upload)),
      (error: DualscaleError) => res.writeHead(error.status ?? 500).end(error.publicMessage ?? String(error)),
    );
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

interface ZipFile {
  readonly name: string;
  readonly data: Buffer;
  /** Unix mode; a regular file when absent. */
  readonly mode?: number;
  /** What the archive claims. */
  readonly size?: number;
}

/** A stored (uncompressed) zip, written by hand so that it may lie. */
function makeZip(files: readonly ZipFile[]): Buffer {
  const [parts, central]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const { name, data, mode = 0o100644, size = data.length } of files) {
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(size, 14);
    common.writeUInt32LE(size, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), data]);
    const attributes = Buffer.alloc(14);
    attributes.writeUInt32LE((mode << 16) >>> 0, 6);
    attributes.writeUInt32LE(offset, 10);
    const madeBy = Buffer.from([20, 3]);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02'), madeBy, common, attributes, Buffer.from(name)]));
    parts.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directory, end]);
}

const send = (body: Buffer, type: string) => fetch(url, { method: 'POST', body, headers: { 'Content-Type': type } });

/** Everything below the folder of the test. */
const everything = async () => (await readdir(folder, { recursive: true })).sort();

describe('an uploaded archive', () => {
  test.each(['zip', 'tar', 'gzip'] as const)('%s: pictures are kept by size, the rest is passed over', async (type) => {
    const source = join(folder, `source-${type}`);
    await mkdir(join(source, 'sub'), { recursive: true });
    const files = {
      'a.png': await picture(140, 1),
      'sub/b.png': await picture(40, 2),
      'tiny.png': await picture(8, 3),
    };
    const all = { ...files, 'no.png': Buffer.from('no picture'), 'text.txt': Buffer.from('x') };
    for (const [name, data] of Object.entries(all)) await writeFile(join(source, name), data);
    await symlink('/etc/passwd', join(source, 'link.png'));
    const zip = () => makeZip(Object.entries(all).map(([name, data]) => ({ name, data })));
    const tar = async () => {
      await createTar({ file: join(folder, 'x.tar'), cwd: source, gzip: type === 'gzip' }, ['.']);
      return readFile(join(folder, 'x.tar'));
    };
    const body = type === 'zip' ? zip() : await tar();
    const response = await send(body, type === 'tar' ? 'application/x-tar' : `application/${type}`);
    const upload = (await response.json()) as { id: string };
    expect(upload).toMatchObject({ pictures: 2, smallPictures: 1, skipped: 2 });
    expect(await readdir(join(uploads.directory(upload.id), 'large'))).toEqual(['000000.png']);
    expect(await readdir(join(uploads.directory(upload.id), 'small'))).toHaveLength(1);
    expect(await uploads.get(upload.id)).toEqual(upload);
    await uploads.remove(upload.id);
    expect(await uploads.get(upload.id)).toBeUndefined();
  });

  test('writes nothing outside its folder, whatever names and links say', async () => {
    const data = await picture(140, 4);
    const before = await everything();
    for (const name of ['../../escape.png', '/escape.png', 'a/../../escape.png', 'C:\\escape.png', '..\\escape.png']) {
      const response = await send(makeZip([{ name, data }]), 'application/zip');
      expect([200, 422], name).toContain(response.status);
      if (response.ok) await uploads.remove(((await response.json()) as { id: string }).id);
    }
    const link = { name: 'link.png', data: Buffer.from('/etc/passwd'), mode: 0o120777 };
    expect((await send(makeZip([link]), 'application/zip')).status).toBe(422);
    expect(await everything()).toEqual(before);
  });

  test('is refused when it is too large, unfolds too far, lies, is damaged, or holds no picture', async () => {
    const data = await picture(140, 5);
    const before = await everything();
    const bomb = gzipSync(
      Buffer.concat([tarHeader({ name: 'zeros.bin', size: 3_000_000 }), Buffer.alloc(3_000_000 + 1024)]),
    );
    expect(bomb.length).toBeLessThan(MAX_UPLOAD);
    const cases: readonly (readonly [string, Buffer, string, number])[] = [
      ['too large', Buffer.alloc(MAX_UPLOAD + 1), 'application/zip', 413],
      ['bomb', bomb, 'application/gzip', 413],
      ['lie', makeZip([{ name: 'a.png', data, size: 900_000 }]), 'application/zip', 413],
      ['cut', makeZip([{ name: 'a.png', data }]).subarray(0, -30), 'application/zip', 422],
      ['no archive', Buffer.from('hello'), 'application/x-tar', 422],
      ['nothing in it', makeZip([{ name: 'a.txt', data }]), 'application/zip', 422],
      ['another type', data, 'image/png', 415],
    ];
    for (const [what, body, type, status] of cases) {
      const response = await send(body, type).catch((error: Error) => error);
      // The server may close the connection while a body is still being sent that it does not want.
      if (response instanceof Response) expect(response.status, what).toBe(status);
      else expect(what).toBe('too large');
    }
    expect(await everything()).toEqual(before);
  });
});

describe('the traffic sampler', () => {
  const open = (options: TrafficOptions, name: string, now = Date.now) =>
    new TrafficSampler(options, { directory: join(folder, name), now, random: seededRandom(1), warn: () => {} });

  test('keeps each picture once, at most so many, and every one with the same chance', async () => {
    const kept = new Map<number, number>();
    const pictures = await Promise.all(Array.from({ length: 30 }, (_, i) => picture(32, i)));
    const names = new Map(pictures.map((bytes, i) => [createHash('sha256').update(bytes).digest('hex'), i]));
    const random = seededRandom(7);
    for (let round = 0; round < 40; round++) {
      const directory = join(folder, `fair-${round}`);
      const sampler = new TrafficSampler({ maxPictures: 6 }, { directory, now: Date.now, random, warn: () => {} });
      for (const [i, bytes] of pictures.entries()) {
        sampler.offer({ url: `/${i}.png`, bytes });
        await sampler.settled();
      }
      const files = await readdir(join(directory, 'small'));
      expect(files).toHaveLength(6);
      for (const file of files) {
        const number = names.get(file.split('.')[0] as string) as number;
        kept.set(number, (kept.get(number) ?? 0) + 1);
      }
    }
    // 8 times each on average; thirds of the order they came in are treated alike.
    const third = (from: number) =>
      Array.from({ length: 10 }, (_, i) => kept.get(from + i) ?? 0).reduce((a, b) => a + b);
    for (const from of [0, 10, 20]) expect(third(from)).toBeGreaterThan(50);
    const again = open({ maxPictures: 6 }, 'twice');
    for (let i = 0; i < 3; i++) {
      again.offer({ url: '/same.png', bytes: pictures[0] as Buffer });
      await again.settled();
    }
    expect(await again.count()).toMatchObject({ pictures: 1, smallPictures: 1 });
  });

  test('keeps only what the patterns let through, and only pictures', async () => {
    const sampler = open({ allow: [/^\/shop\//], deny: [/private/] }, 'patterns');
    for (const url of ['/shop/a.png', '/other/b.png', '/shop/private/c.png']) {
      sampler.offer({ url, bytes: await picture(140, url.length) });
      await sampler.settled();
    }
    sampler.offer({ url: '/shop/text', bytes: Buffer.from('no picture') });
    await sampler.settled();
    expect(await sampler.count()).toMatchObject({ pictures: 1, smallPictures: 0 });
  });

  test.each(['g', 'y', 'gi', 'gy'])(
    'compares each address from its beginning with patterns of the flags %s',
    async (flags) => {
      const sampler = open(
        { allow: [new RegExp('/shop/', flags)], deny: [new RegExp('/shop/p', flags)] },
        `flags-${flags}`,
      );
      for (const [i, name] of ['a', 'private', 'private', 'private', 'b', 'c'].entries()) {
        sampler.offer({ url: `/shop/${name}`, bytes: await picture(140, i) });
        await sampler.settled();
      }
      expect(await sampler.count()).toMatchObject({ pictures: 3 });
    },
  );

  test('forgets what is too old, also over a restart, and everything when it is told to', async () => {
    const sampler = open({ retentionDays: 1 }, 'old');
    sampler.offer({ url: '/a', bytes: await picture(140, 1) });
    await sampler.settled();
    await sampler.expire();
    expect(await sampler.count()).toMatchObject({ pictures: 1 });
    const later = open({ retentionDays: 1 }, 'old', () => Date.now() + 2 * 86_400_000);
    await later.expire();
    expect(await later.count()).toMatchObject({ pictures: 0 });
    sampler.offer({ url: '/b', bytes: await picture(140, 2) });
    await sampler.settled();
    await sampler.clear();
    expect(await sampler.count()).toEqual({ pictures: 0, smallPictures: 0, bytes: 0, seen: 0 });
  });

  test('goes on over a restart: what passes then has no better chance than what passed before', async () => {
    const pictures = await Promise.all(Array.from({ length: 60 }, (_, i) => picture(32, i)));
    const random = seededRandom(3);
    let late = 0;
    for (let round = 0; round < 20; round++) {
      const parts = { directory: join(folder, `restart-${round}`), now: Date.now, random, warn: () => {} };
      const pass = async (from: number, to: number) => {
        const sampler = new TrafficSampler({ maxPictures: 4 }, parts);
        for (const bytes of pictures.slice(from, to)) {
          sampler.offer({ url: '/', bytes });
          await sampler.settled();
        }
        return readdir(join(parts.directory, 'small'));
      };
      const before = new Set(await pass(0, 50));
      late += (await pass(50, 60)).filter((name) => !before.has(name)).length;
    }
    // 10 of 60 passed late: 0.67 of 4 pictures on average, 13 in 20 rounds. With the count begun anew it would be 2.9 each.
    expect(late).toBeGreaterThan(3);
    expect(late).toBeLessThan(30);
  });

  test('gives jobs a snapshot that later pictures do not change', async () => {
    const sampler = open({ maxPictures: 1 }, 'snapshot');
    sampler.offer({ url: '/a', bytes: await picture(140, 11) });
    await sampler.settled();
    await sampler.snapshot(join(folder, 'copy'));
    await sampler.clear();
    expect(await readdir(join(folder, 'copy', 'large'))).toHaveLength(1);
  });
});

test('photographs are held out by their hash: the smallest tenth, at least two, never all', () => {
  const photographs = Array.from({ length: 40 }, (_, i) => ({ file: `${i}`, place: ((i * 17) % 40) / 40 }));
  const { validation, train, validationShare } = splitByHash(photographs);
  expect(validation).toHaveLength(4);
  expect(train).toHaveLength(36);
  for (const { file, place } of photographs) expect(place < validationShare).toBe(validation.includes(file));
  expect(splitByHash(photographs.slice(0, 2)).validation).toHaveLength(1);
  expect(splitByHash(photographs.slice(0, 5)).validation).toHaveLength(2);
  // With more photographs those that were held out before still are.
  const few = splitByHash(photographs.slice(0, 20)).validation;
  expect(validation.filter((file) => Number(file) < 20).every((file) => few.includes(file))).toBe(true);
});
