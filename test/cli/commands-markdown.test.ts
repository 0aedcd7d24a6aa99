import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commandsMarkdown } from '../../src/cli/commands-markdown.ts';
import { createProgram } from '../../src/cli/program.ts';

const page = readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8');

test('docs/commands.md is what the command prints', () => {
  expect(page).toBe(commandsMarkdown(createProgram()));
});

test('it has arguments, choices, defaults and environment variables', () => {
  expect(page).toContain('## dualscale jobs start');
  expect(page).toContain('| `<type>` | kind of job: `compress`, `finetune`, `train` |');
  expect(page).toMatch(/^\| `--host <address>` \| .*default: `127\.0\.0\.1`; environment: `HOST` \|$/m);
  expect(page).toMatch(/^\| `--size <WxH>` \| input size; default: `128x128` \|$/m);
  expect(page).toMatch(/^\| `--out <file>` \| .*; required \|$/m);
});
