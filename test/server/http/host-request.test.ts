import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { hideHeaders, rewriteUrl } from '../../../src/server/http/parameters.ts';

function requestLike(query?: Record<string, unknown>): IncomingMessage {
  const rawHeaders = ['Host', 'x', 'Range', 'bytes=0-1', 'IF-NONE-MATCH', '"a"', 'X-Range', 'kept'];
  const headers = { host: 'x', range: 'bytes=0-1', 'if-none-match': '"a"', 'x-range': 'kept' };
  return { url: '/a.png?upscale=4&w=2', headers, rawHeaders, query } as unknown as IncomingMessage;
}

test('raw and parsed headers lose the same names', () => {
  const req = requestLike();
  hideHeaders(req);
  expect(req.rawHeaders).toEqual(['Host', 'x', 'X-Range', 'kept']);
  expect(req.headers).toEqual({ host: 'x', 'x-range': 'kept' });
});

test('a query that was parsed before (Express 4) loses the parameter too', () => {
  const query = { upscale: '4', sr_model: 'm', sr_exp: '1', sr_sig: 's', w: '2' };
  const req = requestLike(query);
  rewriteUrl(req, '/a.png?w=2');
  expect(req.url).toBe('/a.png?w=2');
  expect(query).toEqual({ w: '2' });
});
