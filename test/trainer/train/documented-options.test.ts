import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProgram } from '../../../src/cli/program.ts';
import { PACKAGE_ROOT } from '../../../src/core/version.ts';
import { parsePreset } from '../../../src/trainer/train/parse-preset.ts';

const page = await readFile(join(PACKAGE_ROOT, 'docs', 'training.md'), 'utf8');

test('docs/training.md names the options of `train`, all of them and no others', () => {
  const train = createProgram().commands.find((command) => command.name() === 'train');
  const flags = train?.options.map((option) => option.flags);
  const documented = [...page.matchAll(/^\| `(--[^`]+)` \|/gm)].map((match) => match[1]);
  expect(documented.toSorted()).toEqual(flags?.toSorted());
});

test('the recipe of docs/training.md would be accepted', () => {
  const recipe = /```json\n([\s\S]+?)```/.exec(page)?.[1] as string;
  expect(parsePreset(JSON.parse(recipe), 'recipe.json').id).toBe('my-x4');
});
