import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProgram } from '../../../src/cli/program.ts';
import { PACKAGE_ROOT } from '../../../src/core/version.ts';
import { STAGES } from '../../../src/trainer/compress/progress.ts';

const page = await readFile(join(PACKAGE_ROOT, 'docs', 'compression.md'), 'utf8');

test('docs/compression.md names the options of `compress`, all of them and no others', () => {
  const compress = createProgram().commands.find((command) => command.name() === 'compress');
  const options = page.slice(page.indexOf('## Options'));
  const documented = [...options.matchAll(/^\| `(--[^`]+)` \|/gm)].map((match) => match[1]);
  expect(documented.toSorted()).toEqual(compress?.options.map(({ flags }) => flags).toSorted());
});

test('docs/compression.md tells of the stages in their order', () => {
  const stages = page.slice(page.indexOf('## What happens'), page.indexOf('## Options'));
  expect([...stages.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1])).toEqual([...STAGES]);
});
