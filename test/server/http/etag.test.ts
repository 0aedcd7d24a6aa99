import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { PICTURE_FORMAT } from '../../../src/core/upscale/enlarge-encoded.ts';
import { type EtagInputs, etagOf, matchesIfNoneMatch } from '../../../src/server/http/respond.ts';
import { bodyDigest } from '../../../src/server/service/picture-cache.ts';

const model = { scale: 4, digest: 'm1' };
const query = { canonical: 'upscale=4', models: [model] };
const inputs: EtagInputs = { source: '"abc"', mediaType: 'image/png', query, encoding: '{}' };

describe('etagOf', () => {
  test('is a well-formed weak entity tag and the same for the same inputs', () => {
    expect(etagOf(inputs)).toMatch(/^W\/"ds-[\w-]{27}"$/);
    expect(etagOf({ ...inputs })).toBe(etagOf(inputs));
  });

  test.each([
    { source: '"abd"' },
    { mediaType: 'image/webp' },
    { query: { ...query, canonical: 'upscale=2' } },
    { query: { ...query, models: [{ scale: 4, digest: 'm2' }] } },
    { encoding: '{"quality":80}' },
  ])('changes with %j', (change) => {
    expect(etagOf({ ...inputs, ...change })).not.toBe(etagOf(inputs));
  });

  test('changes with the model that answers in the place of the serving one, and with the format of pictures', () => {
    expect(etagOf(inputs, { scale: 4, digest: 'm2' })).not.toBe(etagOf(inputs));
    expect(etagOf(inputs, { scale: 2, digest: 'm2' })).toBe(etagOf(inputs));
    expect(etagOf(inputs, undefined, PICTURE_FORMAT + 1)).not.toBe(etagOf(inputs));
    expect(etagOf(inputs, undefined, PICTURE_FORMAT)).toBe(etagOf(inputs));
  });
});

test('a body digest is the sha256 of the bytes', () => {
  const expected = createHash('sha256').update('pixels').digest('base64url');
  expect(bodyDigest(Buffer.from('pixels'))).toBe(`sha256-${expected}`);
});

describe('matchesIfNoneMatch', () => {
  test.each([
    ['W/"a"', 'W/"a"', true],
    ['"a"', 'W/"a"', true],
    ['"x", W/"a", "y"', 'W/"a"', true],
    ['"x,y","a"', 'W/"a"', true],
    ['*', 'W/"a"', true],
    ['"b"', 'W/"a"', false],
    ['a', 'W/"a"', false],
    ['"x,a"', 'W/"a"', false],
    ['', 'W/"a"', false],
    [undefined, 'W/"a"', false],
  ])('%s against %s: %s', (header, etag, matches) => {
    expect(matchesIfNoneMatch(header, etag)).toBe(matches);
  });
});
