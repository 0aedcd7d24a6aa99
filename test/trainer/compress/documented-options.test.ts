import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProgram } from '../../../src/cli/program.ts';
import { PACKAGE_ROOT } from '../../../src/core/version.ts';
import { STAGES } from '../../../src/trainer/compress/progress.ts';

const page = await readFile(join(PACKAGE_ROOT, 'docs', 'compression.md'), 'utf8');

test('docs/compression.md names options that exist; docs/commands.md, which is generated, lists all', () => {
  const known = createProgram().commands.flatMap((command) => command.options.map(({ long }) => long));
  const text = page.replaceAll(/`npx tsx bench[^`]*`/g, '');
  const documented = [...text.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([flag]) => flag);
  expect(documented).toContain('--latency');
  expect(known).toEqual(expect.arrayContaining(documented));
});

test('docs/compression.md tells of the stages in their order', () => {
  const stages = page.slice(page.indexOf('## What happens'), page.indexOf('## Measured'));
  expect([...stages.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1])).toEqual([...STAGES]);
});
