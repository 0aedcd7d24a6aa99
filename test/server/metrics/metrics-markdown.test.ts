import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { METRICS } from '../../../src/server/metrics/definitions.ts';
import { metricsMarkdown } from '../../../src/server/metrics/metrics-markdown.ts';

const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');

test('docs/metrics.md is what the command prints', () => {
  expect(page).toBe(metricsMarkdown());
});

test('it has a row for each metric with type, labels and help, and no other', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) \| (.*) \|$/gm)].map(
    ([, name, type, labels, help]) => ({
      name,
      type,
      help: help?.split('; buckets')[0],
      labels: labels === '-' ? [] : labels?.split(', ').map((label) => label.replaceAll('`', '')),
    }),
  );
  const table = Object.entries(METRICS).map(([name, { type, help, labels }]) => ({ name, type, help, labels }));
  expect(rows).toEqual(table);
});
