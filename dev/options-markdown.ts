/** The page docs/options.md, from the schemas of the options. */
import { describeSchema, type Schema } from '../src/core/schema.ts';
import { JOBS_OPTIONS } from '../src/jobs/options-schema.ts';
import { PLUGIN_OPTIONS } from '../src/server/options-schema.ts';

const INTRODUCTION = `# Options

\`npm run generate\` writes this page from the schemas that check the options. A value out of range or an unknown name throws
\`DS_BAD_OPTION\`, which names the option, what was expected and what came.
[pictures.md](pictures.md), [operations.md](operations.md), [blind.md](blind.md), [gpu.md](gpu.md) and
[hosts.md](hosts.md#signed-urls) say more; [plugin.json](../plugin.json) has the plugin's options as JSON Schema.
`;

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function describeDefault({ default: value, defaultText }: Schema, isRequired = false): string {
  if (isRequired) return 'required';
  if (defaultText !== undefined) return defaultText;
  return value === undefined ? '' : `\`${typeof value === 'string' ? `'${value}'` : JSON.stringify(value)}\``;
}

function rowsOf(schema: Schema, parent: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, option]) => {
    const full = `${parent}${name}`;
    const columns = [
      `\`${full}\``,
      describeSchema(option),
      describeDefault(option, schema.required?.includes(name)),
      option.description ?? '',
    ];
    return [`| ${columns.map(cell).join(' | ')} |`, ...rowsOf(option, `${full}.`)];
  });
}

const section = (title: string, schema: Schema) =>
  `\n## ${title}\n\n| option | value | default | what it does |\n|---|---|---|---|\n${rowsOf(schema, '').join('\n')}\n`;

export function optionsMarkdown(): string {
  return [
    INTRODUCTION,
    section('createDualscale(options)', PLUGIN_OPTIONS),
    section('dualscale.jobs(options) and createJobs(options)', JOBS_OPTIONS),
  ].join('');
}
