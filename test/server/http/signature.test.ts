import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { checkSigning, signUrl, verifySignature } from '../../../src/server/http/signature.ts';
import { image, usePlugin } from '../../helpers/plugin-fixture.ts';

const KEYS = ['first-key-of-the-two', 'second-key-of-the-two'] as const;
const NOW = Date.UTC(2026, 10, 23);
const verify = (url: string, { keys = KEYS as readonly string[], required = true } = {}) =>
  verifySignature(url, { keys, required }, NOW);

describe('signUrl', () => {
  test('appends the HMAC of path and query, as any other program makes it', () => {
    const expected = createHmac('sha256', KEYS[0]).update('/a%20b.png?w=3&upscale=4').digest('base64url');
    expect(signUrl('/a%20b.png?w=3&upscale=4', { key: KEYS[0] })).toBe(`/a%20b.png?w=3&upscale=4&sr_sig=${expected}`);
  });

  test('of an absolute URL path and query are signed, and the host may be another one later', () => {
    const signed = signUrl('https://cdn.example:8443/a.png?upscale=4', { key: KEYS[0] });
    expect(signed).toMatch(/^https:\/\/cdn\.example:8443\/a\.png\?upscale=4&sr_sig=[\w-]{43}$/);
    expect(() => verify(signed.replace('https://cdn.example:8443', ''))).not.toThrow();
  });

  test.each(['/a.png', '/a.png?upscale=4#x', '/a.png?upscale=4&sr_sig=x', '/a.png?upscale=4&sr_exp=1'])(
    '%s cannot be signed',
    (url) => {
      expect(() => signUrl(url, { key: KEYS[0] })).toThrow(expect.objectContaining({ code: 'DS_BAD_OPTION' }));
    },
  );

  test.each([[['short']], [[]], [['x'.repeat(16), 3]], ['x'.repeat(20)], [Array(17).fill('x'.repeat(16))]])(
    'keys %j are refused, and not repeated',
    (keys) => {
      expect(() => checkSigning({ keys: keys as never })).toThrow(/signing\.keys/);
      expect(() => checkSigning({ keys: ['short'] })).not.toThrow(/short`/);
    },
  );
});

describe('verifySignature', () => {
  const signed = signUrl('/a.png?w=3&upscale=4', { key: KEYS[0] });

  test('takes every key, so that keys can be changed without breaking URLs', () => {
    for (const key of KEYS) expect(() => verify(signUrl('/a.png?upscale=4', { key }))).not.toThrow();
    expect(() => verify(signed, { keys: [KEYS[1]] })).toThrow();
  });

  test.each([
    ['another path', signed.replace('/a.png', '/b.png')],
    ['another scale', signed.replace('upscale=4', 'upscale=2')],
    ['another width', signed.replace('w=3', 'w=4')],
    ['a parameter more', `${signed}&x=1`],
    ['a parameter of ours more', `${signed}&sr_model=m`],
    ['another order', signed.replace('w=3&upscale=4', 'upscale=4&w=3')],
    ['a signature cut short', signed.slice(0, -1)],
    ['a signature with a tail', `${signed}=`],
    ['two signatures', `${signed}&${signed.split('&').at(-1)}`],
    ['an empty signature', signed.replace(/sr_sig=.*/, 'sr_sig=')],
    ['none', '/a.png?w=3&upscale=4'],
  ])('refuses %s', (_name, url) => {
    expect(() => verify(url)).toThrow(expect.objectContaining({ code: 'DS_BAD_SIGNATURE', status: 403 }));
  });

  test('with `required: false` a URL without a signature passes, one with a wrong signature does not', () => {
    expect(() => verify('/a.png?upscale=4', { required: false })).not.toThrow();
    expect(() => verify(`${signed}x`, { required: false })).toThrow();
  });

  test('expires at its second, which is signed too', () => {
    const until = (ms: number) => signUrl('/a.png?upscale=4', { key: KEYS[0], expires: new Date(ms) });
    expect(() => verify(until(NOW + 1000))).not.toThrow();
    expect(() => verify(until(NOW))).toThrow(
      expect.objectContaining({ publicMessage: expect.stringContaining('expired') }),
    );
    expect(() => verify(until(NOW).replace(/sr_exp=\d+/, 'sr_exp=99999999999'))).toThrow();
    const twice = `/a.png?upscale=4&sr_exp=99999999999&sr_exp=1`;
    const signature = createHmac('sha256', KEYS[0]).update(twice).digest('base64url');
    expect(() => verify(`${twice}&sr_sig=${signature}`)).toThrow();
  });
});

describe('over HTTP', () => {
  const plugin = usePlugin({ signing: { keys: KEYS } });

  test('signed URLs are served, others get a 403 before the host is asked, the rest passes', async () => {
    let asked = 0;
    const url = await plugin.behind((req, res) => {
      asked += 1;
      expect(req.url).not.toContain('sr_');
      image(plugin.png)(req, res as never);
    });
    const served = await fetch(
      signUrl(`${url}/a.png?upscale=2`, { key: KEYS[1], expires: new Date(Date.now() + 60_000) }),
    );
    expect([served.status, served.headers.get('x-dualscale')]).toEqual([200, 'model=nearest-x2; scale=2']);
    expect((await fetch(`${url}/a.png`)).status).toBe(200);
    expect(asked).toBe(2);
    const refused = await fetch(`${url}/a.png?upscale=2`);
    expect([refused.status, await refused.json()]).toEqual([
      403,
      expect.objectContaining({ code: 'DS_BAD_SIGNATURE' }),
    ]);
    expect(asked).toBe(2);
  });
});
