import { describe, expect, test } from 'vitest';
import { DualscaleError } from '../../../src/core/errors.ts';
import { valuesOf } from '../../../src/server/http/parameters.ts';
import { fillBox, type Models, parseUpscaleQuery, queryText } from '../../../src/server/http/upscale-query.ts';
import type { ServingModel } from '../../../src/server/models/model-registry.ts';

/** Two models at x4, the first of which serves; one at x2; `three` has a scale that nobody serves by default. */
const known = { two: 2, four: 4, other: 4, three: 3 } as const;
const models: Models = {
  scales: [2, 4],
  modelIds: (scale) => Object.entries(known).flatMap(([id, has]) => (scale === undefined || has === scale ? [id] : [])),
  modelFor: (scale, id = scale === 2 ? 'two' : 'four') => ({ id, scale, digest: `digest of ${id}` }) as ServingModel,
};

function parse(query: string) {
  const url = `/a.png?${query}`;
  return parseUpscaleQuery(queryText(url, valuesOf(url, 'upscale')), models);
}

const ids = (query: string) => parse(query).models.map(({ id }) => id);

describe('what is asked for', () => {
  test.each([
    ['upscale=2', ['two'], undefined],
    ['upscale=4&w=300', ['four'], undefined],
    ['upscale=4&sr_model=other', ['other'], undefined],
    ['upscale=3&sr_model=three', ['three'], undefined],
    ['upscale=true', ['four'], undefined],
    ['upscale=true&sr_model=two', ['two'], undefined],
    ['upscale=true&w=300', ['two', 'four'], { width: 300 }],
    ['upscale=true&w=auto', ['four'], undefined],
    ['upscale=auto&w=300', ['two', 'four'], { width: 300 }],
    ['h=99&upscale=auto&w=300', ['two', 'four'], { width: 300, height: 99 }],
    ['upscale=auto&h=300&sr_model=other', ['other'], { height: 300 }],
  ])('%s is served by one of %j in %j', (query, served, box) => {
    expect([ids(query), parse(query).box]).toEqual([served, box]);
  });

  test('every spelling of one hint has one canonical form, and different hints have different ones', () => {
    const form = (query: string) => parse(query).canonical;
    expect(form('upscale=true')).toBe(form('a=1&upscale=4'));
    expect(form('w=9&upscale=true')).toBe(form('upscale=auto&w=9'));
    expect(form('sr_model=other&upscale=4')).toBe(form('upscale=true&sr_model=other'));
    const queries = ['upscale=2', 'upscale=4', 'upscale=4&sr_model=other', 'upscale=auto&w=9', 'upscale=auto&h=9'];
    expect(new Set(queries.map(form)).size).toBe(queries.length);
  });
});

describe('what is refused, with what is allowed', () => {
  const refused = (query: string) => {
    try {
      parse(query);
    } catch (error) {
      return error as DualscaleError;
    }
    throw new Error('it was accepted');
  };

  test.each([
    'upscale=3',
    'upscale=',
    'upscale',
    'upscale=4.0',
    'upscale=04',
    'upscale=+4',
    'upscale=1e0',
    'upscale= 4',
    'upscale=%34',
    'upscale=True',
    'upscale=2&upscale=4',
    'upscale=4&upscale=4',
    'upscale=auto&upscale=auto&w=9',
  ])('%s', (query) => {
    const error = refused(query);
    expect(error).toBeInstanceOf(DualscaleError);
    expect(error).toMatchObject({ code: 'DS_BAD_PARAMETER', status: 400 });
    expect(error.publicMessage).toContain('Allowed values of `upscale`: true, auto, 2, 4.');
  });

  test.each(['sr_model=none', 'sr_model=', 'sr_model=two&sr_model=two', 'sr_model=__proto__'])(
    'upscale=4&%s',
    (query) => {
      expect(refused(`upscale=4&${query}`).publicMessage).toContain(
        'Allowed values of `sr_model`: two, four, other, three.',
      );
    },
  );

  test('a model of another scale: the scales it has', () => {
    expect(refused('upscale=4&sr_model=two').publicMessage).toContain('Allowed values of `upscale`: true, auto, 2.');
  });

  test.each(['', '&w=', '&w=0', '&w=-3', '&w=1.5', '&w=1e3', '&w=99999', '&w=3&w=4', '&h=x'])(
    'upscale=auto%s',
    (query) => {
      expect(refused(`upscale=auto${query}`).publicMessage).toContain('1 to 65535 pixels');
    },
  );
});

describe('fillBox', () => {
  const [two, four] = [models.modelFor(2), models.modelFor(4)];
  const picture = { width: 100, height: 50 };

  test.each([
    [{ width: 100 }, undefined],
    [{ width: 100, height: 500 }, undefined],
    [{ height: 20 }, undefined],
    [{ width: 101 }, { model: two, fit: { width: 101, height: 51 } }],
    [{ width: 200 }, { model: two }],
    [{ width: 202 }, { model: four, fit: { width: 202, height: 101 } }],
    [
      { width: 399, height: 120 },
      { model: four, fit: { width: 240, height: 120 } },
    ],
    [{ width: 400 }, { model: four }],
    [{ width: 5000 }, { model: four }],
  ])('100x50 into %j', (box, filling) => {
    expect(fillBox(picture, box, [two, four])).toEqual(filling);
  });
});
