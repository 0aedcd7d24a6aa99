import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { prepareHostRequest } from '../../src/http/host-request.ts';

function requestLike(query?: Record<string, unknown>): IncomingMessage {
  const rawHeaders = ['Host', 'x', 'Range', 'bytes=0-1', 'IF-NONE-MATCH', '"a"', 'X-Range', 'kept'];
  const headers = { host: 'x', range: 'bytes=0-1', 'if-none-match': '"a"', 'x-range': 'kept' };
  return {
    url: '/a.png?upscale=4&w=2',
    headers,
    rawHeaders,
    ...(query ? { query } : {}),
  } as unknown as IncomingMessage;
}

test('raw and parsed headers lose the same names, and the validator is handed over', () => {
  const req = requestLike();
  expect(prepareHostRequest(req)).toEqual({ ifNoneMatch: '"a"' });
  expect(req.rawHeaders).toEqual(['Host', 'x', 'X-Range', 'kept']);
  expect(req.headers).toEqual({ host: 'x', 'x-range': 'kept' });
  expect(req.url).toBe('/a.png?w=2');
});

test('a query that was parsed before (Express 4) loses the parameter too', () => {
  const query = { upscale: '4', w: '2' };
  prepareHostRequest(requestLike(query));
  expect(query).toEqual({ w: '2' });
});
