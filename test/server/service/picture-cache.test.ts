import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { PICTURE_FORMAT } from '../../../src/core/upscale/enlarge-encoded.ts';
import { cacheKey } from '../../../src/server/service/picture-cache.ts';

const inputs = { source: 'sha256-a', scale: 4, modelDigest: 'm1', encoding: '{}' };

test('a key depends on the format of pictures and not on the version of the package', () => {
  const text = JSON.stringify([PICTURE_FORMAT, 'sha256-a', 4, 'm1', '{}']);
  expect(cacheKey(inputs)).toBe(createHash('sha256').update(text).digest('hex'));
  expect(cacheKey(inputs, PICTURE_FORMAT + 1)).not.toBe(cacheKey(inputs));
});

test.each([{ source: 'sha256-b' }, { scale: 2 }, { modelDigest: 'm2' }, { encoding: '{"quality":80}' }])(
  'a key changes with %j',
  (change) => {
    expect(cacheKey({ ...inputs, ...change })).not.toBe(cacheKey(inputs));
  },
);
