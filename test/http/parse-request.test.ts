import { describe, expect, test } from 'vitest';
import { DualscaleError } from '../../src/errors.ts';
import { parseScale, upscaleValues, withoutParameter } from '../../src/http/parse-request.ts';

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
  ])('%s carries %j', (url, values) => {
    expect(upscaleValues(url)).toEqual(values);
  });
});

describe('withoutParameter', () => {
  test.each([
    ['/a.png?upscale=4', '/a.png'],
    ['/a.png?upscale', '/a.png'],
    ['/a.png?w=%20x&upscale=4&b', '/a.png?w=%20x&b'],
    ['/a.png?upscaled=4&upscale=4', '/a.png?upscaled=4'],
    ['/a.png', '/a.png'],
    ['/a.png?x=a?b&upscale=2', '/a.png?x=a?b'],
  ])('%s becomes %s', (url, stripped) => {
    expect(withoutParameter(url)).toBe(stripped);
  });
});

describe('parseScale', () => {
  test.each([
    [['2'], 2],
    [['4'], 4],
  ])('%j is %d', (values, scale) => {
    expect(parseScale(values, [2, 4])).toBe(scale);
  });

  test.each([
    [['3']],
    [['']],
    [['4.0']],
    [['04']],
    [['+4']],
    [['1e0']],
    [[' 4']],
    [['2', '4']],
    [['4', '4']],
    [['%34']],
  ])('%j is refused, and the client is told what is allowed', (values) => {
    const error = (() => {
      try {
        return parseScale(values, [2, 4]);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(DualscaleError);
    expect(error).toMatchObject({ code: 'DS_BAD_PARAMETER', status: 400 });
    expect((error as DualscaleError).publicMessage).toContain('2, 4');
  });
});
