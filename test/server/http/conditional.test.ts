import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { bodyDigest, makeEtag, matchesIfNoneMatch } from '../../../src/server/http/request/conditional.ts';

const inputs = { source: '"abc"', mediaType: 'image/png', asked: 'upscale=4', modelDigest: 'm1', encoding: '{}' };

describe('makeEtag', () => {
  test('is a well-formed weak entity tag and the same for the same inputs', () => {
    expect(makeEtag(inputs)).toMatch(/^W\/"ds-[\w-]{27}"$/);
    expect(makeEtag({ ...inputs })).toBe(makeEtag(inputs));
  });

  test.each([
    { source: '"abd"' },
    { mediaType: 'image/webp' },
    { asked: 'upscale=2' },
    { modelDigest: 'm2' },
    { encoding: '{"quality":80}' },
  ])('changes with %j', (change) => {
    expect(makeEtag({ ...inputs, ...change })).not.toBe(makeEtag(inputs));
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
