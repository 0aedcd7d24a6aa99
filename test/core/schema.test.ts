import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkOptions, findProblems, type Schema, toJsonSchema, withDefaults } from '../../src/core/schema.ts';
import { JOBS_OPTIONS } from '../../src/jobs/options-schema.ts';

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['id'],
  properties: {
    id: { type: 'string', pattern: '^[a-z]{1,3}$', minLength: 1 },
    count: { type: 'integer', minimum: 1, maximum: 3, default: 2 },
    share: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    kind: { enum: ['a', 'b', 3] },
    list: { type: 'array', minItems: 1, maxItems: 2, items: { type: 'integer', minimum: 0 } },
    map: { type: 'object', propertyNames: { pattern: '^[a-c]$' }, additionalProperties: { type: 'boolean' } },
    either: { type: ['integer', 'boolean'] },
    token: { type: 'string', minLength: 3, isSecret: true },
  },
} as const satisfies Schema;

test.each([
  [{ id: 'a', count: 9 }, 'expected `count` to be an integer from 1 to 3, got `9`'],
  [{ id: 'a', share: 0 }, 'expected `share` to be a number above 0 and to 1, got `0`'],
  [{ id: 'a', kind: 'c' }, 'expected `kind` to be one of a, b, 3, got `c`'],
  [{ id: 'a', list: [1, -1] }, 'expected `list[1]` to be an integer from 0, got `-1`'],
  [{ id: 'a', list: [] }, 'expected `list` to be a list of 1 to 2, got ``'],
  [{ id: 'a', map: { a: 1 } }, 'expected `map.a` to be true or false, got `1`'],
  [{ id: 'a', either: 'x' }, 'expected `either` to be an integer or true or false, got `x`'],
  [{ id: 'a', token: 'no' }, 'expected `token` to be a text of at least 3 characters, got `something else`'],
  [{}, 'expected `id` to be a text of at least 1 characters, got `undefined`'],
  [
    { id: 'a', x: 1 },
    'expected `x` to be one of id, count, share, kind, list, map, either, token, got `an unknown option`',
  ],
  [7, 'expected `options` to be an object with id, count, share, kind, list, map, either, token, got `7`'],
])('%j is refused in these words', (value, message) => {
  expect(() => checkOptions(SCHEMA, value)).toThrow(expect.objectContaining({ code: 'DS_BAD_OPTION', message }));
});

test('every mistake is found, and what is absent is no mistake', () => {
  const paths = [...findProblems(SCHEMA, { id: 'long', count: undefined, list: [-1, 'x'] })].map(({ path }) => path);
  expect(paths).toEqual([['id'], ['list', 0], ['list', 1]]);
});

test('the verdict is that of ajv on any JSON', () => {
  const validate = new Ajv2020({ strict: false }).compile(toJsonSchema(SCHEMA));
  const field = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(
      'a',
      'abc',
      'abcd',
      '',
      3,
      1,
      0,
      0.5,
      1.5,
      true,
      [1],
      [1, 2, 3],
      { a: true },
      { d: true },
      { a: 1 },
    ),
  );
  const names = [...Object.keys(SCHEMA.properties), 'other'];
  const value = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...names), field, { maxKeys: 3 }));
  fc.assert(
    fc.property(value, (given) => {
      expect([...findProblems(SCHEMA, given)].length === 0).toBe(validate(given));
    }),
    { numRuns: 2000 },
  );
});

test('what JSON Schema does not know is left out of the document', () => {
  const text = JSON.stringify(toJsonSchema(JOBS_OPTIONS));
  expect(text).not.toMatch(/"(expected|isSecret|defaultText)":/);
  new Ajv2020({ strict: true, allowUnionTypes: true }).compile(toJsonSchema(JOBS_OPTIONS));
});

test('defaults fill in what is absent only', () => {
  expect(withDefaults(SCHEMA, { count: 3, kind: undefined }, ['count'])).toEqual({ count: 3, kind: undefined });
  expect(withDefaults(SCHEMA, {} as { count?: number }, ['count'])).toEqual({ count: 2 });
});
