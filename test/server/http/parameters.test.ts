import { describe, expect, test } from 'vitest';
import { upscaleValues, withoutParameters } from '../../../src/server/http/parameters.ts';

describe('upscaleValues', () => {
  test.each([
    ['/a.png', undefined],
    ['/upscale/a.png', undefined],
    ['/upscale=4/a.png?w=3', undefined],
    ['/a.png?noupscale=4', undefined],
    ['/a.png?upscaled=4', undefined],
    ['/a.png?upscale=4', ['4']],
    ['/a.png?w=3&upscale=2&q=1', ['2']],
    ['/a.png?upscale', ['']],
    ['/a.png?upscale=2&upscale=4', ['2', '4']],
    ['https://host/a.png?upscale=a=b', ['a=b']],
  ])('%s carries %j', (url, values) => {
    expect(upscaleValues(url)).toEqual(values);
  });
});

describe('withoutParameters', () => {
  test.each([
    ['/a.png?upscale=4', '/a.png'],
    ['/a.png?upscale', '/a.png'],
    ['/a.png?w=%20x&upscale=4&b', '/a.png?w=%20x&b'],
    ['/a.png?upscaled=4&upscale=4', '/a.png?upscaled=4'],
    ['/a.png?sr_model=m&sr_exp=1&upscale=4&sr_sig=s&sr_other=1', '/a.png?sr_other=1'],
    ['/a.png', '/a.png'],
    ['/a.png?', '/a.png?'],
    ['/a.png?x=a?b&upscale=2', '/a.png?x=a?b'],
  ])('%s becomes %s', (url, stripped) => {
    expect(withoutParameters(url)).toBe(stripped);
  });
});
