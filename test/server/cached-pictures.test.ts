import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Dualscale } from '../../src/server/plugin.ts';
import { encoder } from '../helpers/http-host.ts';
import { image, usePlugin } from '../helpers/plugin-fixture.ts';

const plugin = usePlugin();

/** Times that pictures were decoded, enlarged and encoded. */
async function work({ registry }: Dualscale): Promise<number> {
  const text = await registry.metrics();
  return Number(/dualscale_stage_duration_seconds_count\{stage="infer"\} (\d+)/.exec(text)?.[1] ?? 0);
}

async function counter({ registry }: Dualscale, name: string, label: string): Promise<number> {
  const values = (await registry.getSingleMetric(name)?.get())?.values ?? [];
  return values.find(({ labels }) => Object.values(labels).includes(label))?.value ?? 0;
}

async function ask(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers });
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}

async function created(...options: Parameters<typeof plugin.create>): Promise<Dualscale> {
  const dualscale = await plugin.create(...options);
  onTestFinished(() => dualscale.close());
  return dualscale;
}

test('the second request is answered from memory: same bytes, same validator, no work', async () => {
  const dualscale = await created();
  const url = await plugin.behind(image(plugin.png, 'image/png', { ETag: '"1"' }), dualscale);
  const first = await ask(`${url}/a?upscale=2`);
  const second = await ask(`${url}/a?upscale=2`);
  expect(second.body.equals(first.body)).toBe(true);
  expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
  expect(await work(dualscale)).toBe(1);
  expect(await counter(dualscale, 'dualscale_requests_total', 'cached')).toBe(1);
  expect(await counter(dualscale, 'dualscale_cache_hits_total', 'memory')).toBe(1);
});

test('equal bytes under another URL are a hit, other bytes under the same URL and ETag-less are not', async () => {
  const dualscale = await created();
  let body = plugin.png;
  const url = await plugin.behind((req, res) => image(body)(req, res), dualscale);
  await ask(`${url}/a?upscale=2`);
  await ask(`${url}/b?upscale=2`);
  expect(await work(dualscale)).toBe(1);
  await ask(`${url}/a?upscale=4`);
  expect(await work(dualscale)).toBe(2);
  body = await encoder(8, 8).png().toBuffer();
  const other = await ask(`${url}/a?upscale=2`);
  expect(await work(dualscale)).toBe(3);
  expect(other.body.readUInt32BE(16)).toBe(16);
});

test("a host's ETag names bytes of one URL only: the same ETag elsewhere is no hit", async () => {
  const dualscale = await created();
  const other = await encoder(8, 8).png().toBuffer();
  const url = await plugin.behind((req, res) => {
    image(req.url === '/a' ? plugin.png : other, 'image/png', { ETag: '"same"' })(req, res);
  }, dualscale);
  const bodies = [await ask(`${url}/a?upscale=2`), await ask(`${url}/b?upscale=2`), await ask(`${url}/a?upscale=2`)];
  // The width of a PNG is at byte 16.
  expect(bodies.map(({ body }) => body.readUInt32BE(16))).toEqual([40, 16, 40]);
});

test('a 304 starts no work, whatever the cache holds', async () => {
  const dualscale = await created({ cache: false });
  for (const headers of [{ ETag: '"v"' }, {}] as Record<string, string>[]) {
    const url = await plugin.behind(image(plugin.png, 'image/png', headers), dualscale);
    const before = await ask(`${url}/a?upscale=2`);
    const worked = await work(dualscale);
    for (let i = 0; i < 3; i++) {
      const again = await ask(`${url}/a?upscale=2`, { 'If-None-Match': before.headers.get('etag') as string });
      expect([again.status, again.body.length]).toEqual([304, 0]);
    }
    expect(await work(dualscale)).toBe(worked);
  }
  expect(await counter(dualscale, 'dualscale_requests_total', 'not-modified')).toBe(6);
});

test('a restarted server finds on disk what it made before; a torn file is made anew', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dualscale-cache-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const first = await plugin.create({ cache: { directory } });
  const made = await first.upscale(plugin.png, { scale: 2 });
  await first.close();

  const second = await plugin.create({ cache: { directory } });
  const found = await second.upscale(plugin.png, { scale: 2 });
  expect([made.cache, found.cache, await work(second)]).toEqual(['miss', 'hit', 0]);
  expect(Buffer.compare(found.data, made.data)).toBe(0);
  await second.close();

  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const entry = files.find((file) => file.isFile());
  await writeFile(join(entry?.parentPath as string, entry?.name as string), 'torn');
  const third = await created({ cache: { directory } });
  const again = await third.upscale(plugin.png, { scale: 2 });
  expect([again.cache, await counter(third, 'dualscale_cache_errors_total', 'disk')]).toEqual(['miss', 1]);
  expect(Buffer.compare(again.data, made.data)).toBe(0);
});

test('another quality is another picture', async () => {
  const shared = new Map<string, unknown>();
  const jpeg = await encoder(64, 64).jpeg().toBuffer();
  const qualities = [50, 95, 50];
  const found: string[] = [];
  for (const quality of qualities) {
    const dualscale = await plugin.create({ quality, cache: { memoryBytes: 0, shared } });
    found.push((await dualscale.upscale(jpeg, { scale: 2 })).cache);
    await dualscale.close();
  }
  expect(found).toEqual(['miss', 'miss', 'hit']);
});

test('who gets bytes may write into them: the cache keeps its own', async () => {
  const dualscale = await created();
  const first = await dualscale.upscale(plugin.png, { scale: 2 });
  const copy = Buffer.from(first.data);
  first.data.fill(0);
  expect(copy.equals((await dualscale.upscale(plugin.png, { scale: 2 })).data)).toBe(true);
});

test.each([
  [{ memoryByte: 1 }, 'cache.memoryByte'],
  [{ memoryBytes: -1 }, 'cache.memoryBytes'],
  [{ diskBytes: 0 }, 'cache.diskBytes'],
  [{ directory: '' }, 'cache.directory'],
  [{ shared: {} }, 'cache.shared'],
])('cache %j is refused by name', async (cache, name) => {
  await expect(plugin.create({ cache: cache as never })).rejects.toMatchObject({
    code: 'DS_BAD_OPTION',
    message: expect.stringContaining(`\`${name}\``),
  });
});
