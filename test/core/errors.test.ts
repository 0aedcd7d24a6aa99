import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { badOption, DualscaleError, ERRORS } from '../../src/core/errors.ts';

test('docs/errors.md lists every error with status and public message, and no other', () => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(DS_\w+)` \| (\d{3}) \| (.*?) \| (.+) \|$/gm)];
  const documented = rows.map(([, code, status, publicMessage]) => [code, { status: Number(status), publicMessage }]);
  expect(Object.fromEntries(documented)).toEqual(ERRORS);
  expect(documented).toHaveLength(Object.keys(ERRORS).length);
});

test('an error keeps what is for the log from the client', () => {
  const error = new DualscaleError('DS_BAD_MODEL', '/srv/models/edge-x4: sha256 differs', { cause: new Error('x') });
  expect(error).toMatchObject({ status: 500, publicMessage: 'The model could not be loaded.', name: 'DualscaleError' });
  expect(error.publicMessage).not.toContain('/srv');
  expect((error.cause as Error).message).toBe('x');
});

test('a public detail follows the public message', () => {
  const error = new DualscaleError('DS_BAD_PARAMETER', 'x', { publicDetail: 'Allowed: 2, 4.' });
  expect(error.publicMessage).toBe('A query parameter is not valid. Allowed: 2, 4.');
});

test('a bad option is reported by name, expectation and value', () => {
  expect(badOption('workers', 'a positive integer', -1)).toMatchObject({
    code: 'DS_BAD_OPTION',
    message: 'expected `workers` to be a positive integer, got `-1`',
  });
});

test('a refusal for want of room has no stack, and costs the others none of theirs', () => {
  expect(new DualscaleError('DS_BUSY', 'full').stack).not.toContain('\n');
  expect(new DualscaleError('DS_ENGINE', 'x').stack).toContain('errors.test.ts');
  expect(Error.stackTraceLimit).toBeGreaterThan(0);
});
