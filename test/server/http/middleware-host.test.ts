import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { answer, image, usePlugin } from '../../helpers/plugin-fixture.ts';

const plugin = usePlugin();

describe('what the host sees', () => {
  const HEADERS = {
    'if-none-match': '"a"',
    'if-modified-since': 'Thu, 01 Jan 2026 00:00:00 GMT',
    'if-match': '"a"',
    'if-unmodified-since': 'Thu, 01 Jan 2026 00:00:00 GMT',
    range: 'bytes=0-10',
    'if-range': '"a"',
    'accept-encoding': 'gzip',
    accept: 'image/webp',
  };

  async function seenBy(path: string) {
    let seen: Pick<IncomingMessage, 'url' | 'headers' | 'headersDistinct' | 'rawHeaders'> | undefined;
    const url = await plugin.behind((req, res) => {
      seen = req;
      image(plugin.png)(req, res as ServerResponse & { req: IncomingMessage });
    });
    await new Promise((resolve) =>
      request(`${url}${path}`, { headers: HEADERS }, (res) => res.resume().on('end', resolve)).end(),
    );
    return seen as NonNullable<typeof seen>;
  }

  test('with the parameter: neither it nor a header that belongs to the enlarged picture, in any form', async () => {
    const { url, headers, headersDistinct, rawHeaders } = await seenBy('/a%20b.png?w=1&upscale=2&q=%C3%A9');
    expect(url).toBe('/a%20b.png?w=1&q=%C3%A9');
    for (const form of [
      headers,
      headersDistinct,
      Object.fromEntries(rawHeaders.map((name) => [name.toLowerCase(), 1])),
    ]) {
      const names = Object.keys(form);
      expect(names).toContain('accept');
      for (const name of Object.keys(HEADERS)) if (name !== 'accept') expect(names).not.toContain(name);
    }
  });

  test('without the parameter: everything', async () => {
    const { url, headers } = await seenBy('/a.png?w=1');
    expect(url).toBe('/a.png?w=1');
    expect(headers).toMatchObject(HEADERS);
  });
});

test('without the parameter the response is not touched at all', async () => {
  const methods: unknown[] = [];
  const url = await plugin.behind((_req, res) => {
    methods.push(Object.hasOwn(res, 'write'), Object.hasOwn(res, 'end'), Object.hasOwn(res, 'writeHead'));
    res.writeHead(200, { 'Content-Type': 'image/png', ETag: '"host"' }).end(plugin.png);
  });
  const response = await fetch(`${url}/a.png?w=1`);
  expect(Buffer.from(await response.arrayBuffer()).equals(plugin.png)).toBe(true);
  expect(response.headers.get('etag')).toBe('"host"');
  expect(response.headers.get('x-dualscale')).toBeNull();
  expect(methods).toEqual([false, false, false]);
});

test('POST with the parameter is not ours', async () => {
  const url = await plugin.behind((req, res) => res.end(`${req.method} ${req.url}`));
  expect(await (await fetch(`${url}/a?upscale=4`, { method: 'POST' })).text()).toBe('POST /a?upscale=4');
});

describe('a bad parameter', () => {
  test.each(['3', '', 'TRUE', '8', '4&upscale=2', '-4', '99999999999999999999'])(
    'upscale=%s is a 400 that says what is allowed, and the host is not asked',
    async (value) => {
      let asked = 0;
      const url = await plugin.behind((_req, res) => {
        asked += 1;
        res.end();
      });
      const response = await fetch(`${url}/a?upscale=${value}`);
      expect(response.status).toBe(400);
      expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(await response.json()).toEqual({
        type: 'urn:dualscale:error:bad-parameter',
        code: 'DS_BAD_PARAMETER',
        status: 400,
        title: 'A query parameter is not valid.',
        detail: 'Allowed values of `upscale`: true, auto, 2, 4.',
      });
      expect(asked).toBe(0);
    },
  );
});

describe('answers that are none of ours pass untouched', () => {
  test.each([
    ['a 404 with a picture', 404, 'image/png'],
    ['a 500', 500, 'text/plain'],
    ['JSON', 200, 'application/json'],
    ['HTML', 200, 'text/html'],
    ['a part of a picture', 206, 'image/png'],
    ['a redirect', 302, 'image/png'],
    ['an answer without a type', 200, ''],
  ])('%s', async (_name, status, type) => {
    const headers: Record<string, string> = { ETag: '"h"', 'Cache-Control': 'max-age=1', Location: '/x' };
    if (type) headers['Content-Type'] = type;
    const url = await plugin.behind(answer('not ours', headers, status));
    const response = await fetch(`${url}/a?upscale=4`, { redirect: 'manual' });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe('not ours');
    expect(response.headers.get('etag')).toBe('"h"');
    expect(response.headers.get('cache-control')).toBe('max-age=1');
    expect(response.headers.get('x-dualscale')).toBeNull();
  });

  test('a 304 of the host', async () => {
    const url = await plugin.behind((_req, res) => res.writeHead(304, { ETag: '"h"' }).end());
    const response = await fetch(`${url}/a?upscale=4`);
    expect([response.status, response.headers.get('etag')]).toEqual([304, '"h"']);
  });
});
