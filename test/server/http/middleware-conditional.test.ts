import { describe, expect, test } from 'vitest';
import { encoder } from '../../helpers/http-host.ts';
import { answer, HEIGHT, image, usePlugin, WIDTH } from '../../helpers/plugin-fixture.ts';

const plugin = usePlugin();

describe('conditional requests', () => {
  test("a host's ETag is enough for a 304: not a byte of the body is needed", async () => {
    let isBodySent = false;
    const url = await plugin.behind((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'image/png', ETag: '"v1"', 'Cache-Control': 'max-age=9', Vary: 'Accept' });
      if (isBodySent) res.end(plugin.png);
      else res.flushHeaders();
    });
    isBodySent = true;
    const first = await fetch(`${url}/a?upscale=2`);
    const etag = first.headers.get('etag') as string;
    isBodySent = false;
    for (const value of [etag, `"other", ${etag}`, etag.replace('W/', ''), '*']) {
      const response = await fetch(`${url}/a?upscale=2`, { headers: { 'If-None-Match': value } });
      expect(response.status).toBe(304);
      expect(response.headers.get('etag')).toBe(etag);
      expect(response.headers.get('cache-control')).toBe('max-age=9');
      expect(response.headers.get('vary')).toBe('Accept');
      expect(await response.text()).toBe('');
    }
  });

  test('without a validator of the host the bytes are one', async () => {
    let body = plugin.png;
    const url = await plugin.behind((req, res) => image(body)(req, res as never));
    const etag = (await fetch(`${url}/a?upscale=2`)).headers.get('etag') as string;
    const conditional = () => fetch(`${url}/a?upscale=2`, { headers: { 'If-None-Match': etag } });
    expect((await conditional()).status).toBe(304);
    body = await encoder(WIDTH + 1, HEIGHT)
      .png()
      .toBuffer();
    expect((await conditional()).status).toBe(200);
  });

  test("scales have different ETags, and the host's own ETag does not match", async () => {
    const url = await plugin.behind(image(plugin.png, 'image/png', { ETag: '"v1"' }));
    const [two, four] = await Promise.all([2, 4].map((scale) => fetch(`${url}/a?upscale=${scale}`)));
    expect(two.headers.get('etag')).not.toBe(four.headers.get('etag'));
    const response = await fetch(`${url}/a?upscale=2`, { headers: { 'If-None-Match': '"v1"' } });
    expect(response.status).toBe(200);
  });

  test('an ETag that is none (an unquoted number) is not taken for one', async () => {
    let body = plugin.png;
    const url = await plugin.behind((req, res) => image(body, 'image/png', { ETag: '12345' })(req, res as never));
    const etag = (await fetch(`${url}/a?upscale=2`)).headers.get('etag');
    body = await encoder(WIDTH + 1, HEIGHT)
      .png()
      .toBuffer();
    expect((await fetch(`${url}/a?upscale=2`)).headers.get('etag')).not.toBe(etag);
  });
});

describe('HEAD', () => {
  test("gives the GET's headers without the host's length and without work", async () => {
    const url = await plugin.behind((req, res) => {
      const headers = {
        'Content-Type': 'image/png',
        'Content-Length': String(plugin.png.length),
        ETag: '"v1"',
        'Accept-Ranges': 'bytes',
      };
      res.writeHead(200, headers).end(req.method === 'HEAD' ? undefined : plugin.png);
    });
    const get = await fetch(`${url}/a?upscale=2`);
    const head = await fetch(`${url}/a?upscale=2`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBeNull();
    for (const name of ['etag', 'content-type', 'x-dualscale', 'accept-ranges']) {
      expect(head.headers.get(name)).toBe(get.headers.get(name));
    }
    const conditional = { method: 'HEAD', headers: { 'If-None-Match': get.headers.get('etag') as string } };
    expect((await fetch(`${url}/a?upscale=2`, conditional)).status).toBe(304);
  });

  test('a host without validators: no ETag is promised', async () => {
    const url = await plugin.behind(answer('', { 'Content-Type': 'image/png' }));
    const head = await fetch(`${url}/a?upscale=2`, { method: 'HEAD' });
    expect([head.status, head.headers.get('etag'), head.headers.get('content-length')]).toEqual([200, null, null]);
  });
});
