/** `npm run generate`: writes every file that follows from the code. `test/dev/generated.test.ts` compares them. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { commandsMarkdown } from '../src/cli/commands-markdown.ts';
import { createProgram } from '../src/cli/program.ts';
import { toJsonSchema } from '../src/core/schema.ts';
import { METRICS } from '../src/server/metrics/definitions.ts';
import { metricsMarkdown } from '../src/server/metrics/metrics-markdown.ts';
import { PLUGIN_OPTIONS } from '../src/server/options-schema.ts';
import { optionsMarkdown } from './options-markdown.ts';
import { drawWings } from './wings.ts';

const ROOT = new URL('../', import.meta.url);

/** By the schema of the options and the table of metrics; what stands in no other place stays as it is in the file. */
function pluginManifest(): string {
  const plugin = JSON.parse(readFileSync(new URL('plugin.json', ROOT), 'utf8')) as object;
  const metrics = Object.entries(METRICS).map(([name, { type, labels, help }]) => ({ name, type, labels, help }));
  return `${JSON.stringify({ ...plugin, metrics, configSchema: toJsonSchema(PLUGIN_OPTIONS) }, undefined, 2)}\n`;
}

/** Path in the repository, and what makes its text. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  'plugin.json': pluginManifest,
  'docs/options.md': optionsMarkdown,
  'docs/wings.svg': () => drawWings().svg,
  'docs/metrics.md': metricsMarkdown,
  'docs/commands.md': () => commandsMarkdown(createProgram()),
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, make] of Object.entries(GENERATED)) writeFileSync(new URL(path, ROOT), make());
  const json = Object.keys(GENERATED).filter((path) => path.endsWith('.json'));
  execFileSync('npx', ['biome', 'format', '--write', ...json], { cwd: fileURLToPath(ROOT), stdio: 'inherit' });
}
