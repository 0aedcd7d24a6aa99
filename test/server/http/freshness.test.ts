import { expect, test } from 'vitest';
import { limitFreshness } from '../../../src/server/http/respond.ts';

const limited = (headers: Record<string, string>) => {
  const store = new Headers(headers);
  limitFreshness(store, 60);
  return Object.fromEntries(store);
};

test.each([
  ['public, max-age=31536000, immutable', 'public, max-age=60'],
  ['max-age=30', 'max-age=30'],
  ['private, max-age="600", stale-while-revalidate=86400', 'private, max-age=60'],
  ['s-maxage=3600, max-age=0, stale-if-error=9', 's-maxage=60, max-age=0'],
  ['no-store', 'no-store'],
  ['public', 'public'],
])('Cache-Control: %s becomes %s', (before, after) => {
  expect(limited({ 'cache-control': before })).toEqual({ 'cache-control': after });
});

test('rules that would go before it are taken away, and what lived by them lives by it', () => {
  const expires = 'Wed, 01 Jan 2031 00:00:00 GMT';
  expect(limited({ expires })).toEqual({ 'cache-control': 'max-age=60' });
  expect(limited({ 'cdn-cache-control': 'max-age=900', 'cache-control': 'max-age=5' })).toEqual({
    'cache-control': 'max-age=5',
  });
  expect(limited({ 'surrogate-control': 'max-age=900', 'cache-control': 'no-cache' })).toEqual({
    'cache-control': 'no-cache',
  });
});

test('where the host says nothing nothing is said', () => {
  expect(limited({ etag: '"a"' })).toEqual({ etag: '"a"' });
});
