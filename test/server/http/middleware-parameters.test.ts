/** `true`, `auto`, `sr_model` and what is ignored, over HTTP. */
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { encoder, pixelsOf, testPixels } from '../../helpers/http-host.ts';
import { repeatPixels } from '../../helpers/nearest-models.ts';
import { answer, HEIGHT, image, usePlugin, WIDTH } from '../../helpers/plugin-fixture.ts';

const plugin = usePlugin();
const size = async (response: Response) => {
  const { width, height } = await sharp(Buffer.from(await response.arrayBuffer())).metadata();
  return [width, height];
};

describe('upscale=auto', () => {
  test.each([
    ['w=80', [80, 60], 'nearest-x4; scale=4'],
    ['w=50', [50, 38], 'nearest-x4; scale=4'],
    ['w=40', [40, 30], 'nearest-x2; scale=2'],
    ['h=30', [40, 30], 'nearest-x2; scale=2'],
    ['w=30&h=60', [30, 23], 'nearest-x2; scale=2'],
    ['w=5000', [80, 60], 'nearest-x4; scale=4'],
  ])('%s gives %j by %s', async (query, expected, status) => {
    const url = await plugin.behind(image(plugin.png, 'image/png', { ETag: '"a"' }));
    const response = await fetch(`${url}/a.png?${query}&upscale=auto`);
    expect(response.headers.get('x-dualscale')).toBe(`model=${status}`);
    expect(await size(response)).toEqual(expected);
  });

  test('what an encoder holds as a whole is the size that is asked for, not that of the network', async () => {
    const limited = await plugin.create({ limits: { maxWholeOutputPixels: 700 } });
    const webp = await encoder(WIDTH, HEIGHT).webp().toBuffer();
    const url = await plugin.behind(image(webp, 'image/webp'), limited);
    expect(await size(await fetch(`${url}/a.webp?w=30&upscale=auto`))).toEqual([30, 23]);
    const refused = await fetch(`${url}/a.webp?w=31&upscale=auto`);
    expect([refused.status, await refused.text()]).toEqual([413, expect.stringContaining('31x23 = 713')]);
    await limited.close();
  });

  test('reduces what the network made: the picture enlarged fully and reduced is the same', async () => {
    const url = await plugin.behind(image(plugin.png));
    const body = Buffer.from(await (await fetch(`${url}/a.png?w=50&upscale=auto`)).arrayBuffer());
    const { data, width, height, channels } = repeatPixels(testPixels(WIDTH, HEIGHT), 4);
    const raw = { width, height, channels: channels as 3 };
    const reduced = await sharp(data, { raw }).resize(50, 38, { fit: 'fill', kernel: 'lanczos3' }).raw().toBuffer();
    expect(Buffer.compare(Buffer.from((await pixelsOf(body)).data), reduced)).toBe(0);
  });

  test('each size is a picture of its own: in the cache, and for validators', async () => {
    const url = await plugin.behind(image(plugin.png, 'image/png', { ETag: '"sizes"' }));
    const get = (query: string, init?: RequestInit) => fetch(`${url}/sizes.png?${query}`, init);
    const etags = new Set<string | null>();
    for (const query of ['upscale=4', 'upscale=auto&w=70', 'upscale=auto&w=71', 'upscale=4']) {
      const response = await get(query);
      etags.add(response.headers.get('etag'));
      expect(await size(response)).toEqual(query === 'upscale=4' ? [80, 60] : [Number(query.slice(-2)), 53]);
    }
    expect(etags.size).toBe(3);
    const etag = (await get('upscale=auto&w=70')).headers.get('etag') as string;
    expect((await get('upscale=auto&w=70', { headers: { 'If-None-Match': etag } })).status).toBe(304);
    expect((await get('upscale=auto&w=71', { headers: { 'If-None-Match': etag } })).status).toBe(200);
  });

  test('from the cache as soon as the head of the host is there', async () => {
    let asked = 0;
    const url = await plugin.behind((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'image/png', ETag: '"box"' });
      asked += 1;
      // Later the host's picture never ends.
      if (asked === 1) res.end(plugin.png);
      else res.write(plugin.png.subarray(0, 8));
    });
    const get = () => fetch(`${url}/box.png?upscale=auto&w=50`);
    const made = await get();
    const cached = await get();
    expect(cached.headers.get('cache-status')).toContain('hit');
    for (const name of ['x-dualscale', 'etag', 'content-length']) {
      expect(cached.headers.get(name)).toBe(made.headers.get(name));
    }
    expect(await size(cached)).toEqual([50, 38]);
  });

  test('a picture that is large enough goes out as it is, with the validator of the host', async () => {
    const url = await plugin.behind(image(plugin.png, 'image/png', { ETag: '"host"' }));
    const response = await fetch(`${url}/a.png?upscale=auto&w=${WIDTH}`);
    expect(response.headers.get('x-dualscale')).toBe('skipped; reason=large-enough');
    expect(Buffer.from(await response.arrayBuffer()).equals(plugin.png)).toBe(true);
    const again = await fetch(`${url}/a.png?upscale=auto&w=${WIDTH}`, { headers: { 'If-None-Match': '"host"' } });
    expect([again.status, again.headers.get('etag')]).toEqual([304, '"host"']);
  });

  test('the host gets w and h, which are its own', async () => {
    let seen: string | undefined;
    const url = await plugin.behind((req, res) => {
      seen = req.url;
      image(plugin.png)(req, res as never);
    });
    await fetch(`${url}/a.png?w=40&upscale=auto&h=40&sr_model=nearest-x4`);
    expect(seen).toBe('/a.png?w=40&h=40');
  });

  test('HEAD promises no model: the size decides, and nobody looks at it', async () => {
    const url = await plugin.behind(answer('', { 'Content-Type': 'image/png', ETag: '"a"' }));
    const { headers } = await fetch(`${url}/a.png?upscale=auto&w=40`, { method: 'HEAD' });
    expect([headers.get('x-dualscale'), headers.get('etag')]).toEqual([null, expect.stringMatching(/^W\/"ds-/)]);
  });

  test('JPEG, alpha and 16 bits are reduced as what they are', async () => {
    const make = {
      jpeg: () => encoder(WIDTH, HEIGHT).jpeg({ quality: 95 }).toBuffer(),
      alpha: () => encoder(WIDTH, HEIGHT).ensureAlpha(0.5).png().toBuffer(),
      wide: () => encoder(WIDTH, HEIGHT).toColourspace('rgb16').png().toBuffer(),
    };
    for (const [kind, create] of Object.entries(make)) {
      const type = kind === 'jpeg' ? 'image/jpeg' : 'image/png';
      const url = await plugin.behind(image(await create(), type));
      const body = Buffer.from(await (await fetch(`${url}/a?upscale=auto&w=50`)).arrayBuffer());
      const { width, channels, depth, format } = await sharp(body).metadata();
      expect([kind, width, channels]).toEqual([kind, 50, kind === 'alpha' ? 4 : 3]);
      expect([format, depth]).toEqual([kind === 'jpeg' ? 'jpeg' : 'png', kind === 'wide' ? 'ushort' : 'uchar']);
    }
  });
});

test('upscale=true is the largest scale, and auto where the URL says w or h', async () => {
  const url = await plugin.behind(image(plugin.png, 'image/png', { ETag: '"true"' }));
  const [plain, four, sized] = await Promise.all(
    ['upscale=true', 'upscale=4', 'upscale=true&w=33'].map((query) => fetch(`${url}/t.png?${query}`)),
  );
  expect(plain?.headers.get('etag')).toBe(four?.headers.get('etag'));
  expect(await size(plain as Response)).toEqual([80, 60]);
  expect(await size(sized as Response)).toEqual([33, 25]);
});

describe('sr_model', () => {
  test('chooses the model, which has its own validator only where it is another one', async () => {
    const url = await plugin.behind(image(plugin.png, 'image/png', { ETag: '"m"' }));
    const response = await fetch(`${url}/m.png?upscale=true&sr_model=nearest-x2`);
    expect(response.headers.get('x-dualscale')).toBe('model=nearest-x2; scale=2');
    expect(await size(response)).toEqual([40, 30]);
  });

  test.each(['sr_model=none', 'sr_model=nearest-x2', 'sr_model=../../etc'])('upscale=4&%s is a 400', async (query) => {
    const response = await fetch(`${await plugin.behind(image(plugin.png))}/a?upscale=4&${query}`);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, 'DS_BAD_PARAMETER']);
  });
});

test("onBadParameter 'ignore': the host answers as if the parameter were not there", async () => {
  const lenient = await plugin.create({ onBadParameter: 'ignore' });
  const seen: unknown[] = [];
  const url = await plugin.behind((req, res) => {
    seen.push(req.url, req.headers['if-none-match']);
    image(plugin.png, 'image/png', { ETag: '"host"' })(req, res as never);
  }, lenient);
  const response = await fetch(`${url}/a.png?w=1&upscale=junk&sr_model=x`, { headers: { 'If-None-Match': '"x"' } });
  expect([response.status, response.headers.get('etag'), response.headers.get('x-dualscale')]).toEqual([
    200,
    '"host"',
    null,
  ]);
  expect(seen).toEqual(['/a.png?w=1', '"x"']);
  expect((await fetch(`${url}/a.png?upscale=2`)).headers.get('x-dualscale')).toBe('model=nearest-x2; scale=2');
  await lenient.close();
});
