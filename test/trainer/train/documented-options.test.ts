import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProgram } from '../../../src/cli/program.ts';
import { PACKAGE_ROOT } from '../../../src/core/version.ts';
import { parsePreset } from '../../../src/trainer/train/parse-preset.ts';

const page = await readFile(join(PACKAGE_ROOT, 'docs', 'training.md'), 'utf8');

test('docs/training.md names options that exist; docs/commands.md, which is generated, lists all', () => {
  const known = createProgram().commands.flatMap((command) => command.options.map(({ long }) => long));
  const documented = [...page.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([flag]) => flag);
  expect(documented).toContain('--start-from');
  expect(known).toEqual(expect.arrayContaining(documented));
});

test('the recipe of docs/training.md would be accepted', () => {
  const recipe = /```json\n([\s\S]+?)```/.exec(page)?.[1] as string;
  expect(parsePreset(JSON.parse(recipe), 'recipe.json').id).toBe('my-x4');
});
