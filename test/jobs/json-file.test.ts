import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CorruptFileError, decideOnce, exists, readJson, readJsonOrWarn, writeJson } from '../../src/jobs/json-file.ts';

let directory: string;
let path: string;
let warnings: string[];
const warn = (message: string) => void warnings.push(message);
beforeEach(async () => {
  warnings = [];
  directory = await mkdtemp(join(tmpdir(), 'dualscale-folder-'));
  path = join(directory, 'output.json');
});
afterEach(() => rm(directory, { recursive: true }));

test('a missing file, a corrupt one and one that cannot be read are three different things', async () => {
  expect(await readJson(path)).toBeUndefined();
  await writeFile(path, '{"cut');
  await expect(readJson(path)).rejects.toBeInstanceOf(CorruptFileError);
  await rm(path);
  await mkdir(path);
  await expect(readJson(path)).rejects.toMatchObject({ code: 'EISDIR' });
  await expect(exists(join(path, '\0'))).rejects.toThrow();
});

test('what a file of a finished stage holds is made again when it is corrupt, and never when it cannot be read', async () => {
  let count = 0;
  const decide = () => ({ count: ++count });
  expect(await decideOnce(path, warn, decide)).toEqual({ count: 1 });
  expect(await decideOnce(path, warn, decide)).toEqual({ count: 1 });
  await writeFile(path, '');
  expect(await decideOnce(path, warn, decide)).toEqual({ count: 2 });
  expect(warnings).toEqual([expect.stringContaining('output.json does not hold valid JSON')]);
  await rm(path);
  await mkdir(path);
  await expect(decideOnce(path, warn, decide)).rejects.toMatchObject({ code: 'EISDIR' });
  expect(count).toBe(2);
});

test('what was written is read', async () => {
  await writeJson(path, { steps: [1, 2] });
  expect(await readJsonOrWarn(path, warn)).toEqual({ steps: [1, 2] });
  expect(warnings).toEqual([]);
});
