/** The page docs/commands.md, from the command line's grammar. */
import type { Argument, Command, Option } from 'commander';

const INTRODUCTION = `# Commands

\`npx dualscale COMMAND --help\` says the same. Exit code: 0 when it did what was asked, 1 when it failed, 2 when what was asked makes no sense.

This page is printed by \`dualscale commands\`; a test compares it with the code.

| environment | |
|---|---|
| \`DUALSCALE_TOKEN\` | token of the job API: \`serve --jobs\` asks for it (else it makes one and prints it), \`jobs\` and \`models\` send it ([jobs.md](jobs.md)) |
| \`DUALSCALE_SIGNING_KEYS\` | \`proxy\`: secrets, separated by commas; only URLs signed with one of them are enlarged ([hosts.md](hosts.md#signed-urls)) |
| \`DUALSCALE_DEBUG\` | anything: errors come with their stack |
`;

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function describeOption({ description, argChoices, defaultValue, envVar, mandatory }: Option): string {
  const { width, height } = (defaultValue ?? {}) as { width?: number; height?: number };
  const value = width === undefined ? defaultValue : `${width}x${height}`;
  return [
    description,
    ...(argChoices ? [argChoices.map((choice) => `\`${choice}\``).join(', ')] : []),
    ...(value === undefined ? [] : [`default: \`${value}\``]),
    ...(envVar ? [`environment: \`${envVar}\``] : []),
    ...(mandatory ? ['required'] : []),
  ].join('; ');
}

function describeArgument(argument: Argument): string {
  const choices = argument.argChoices?.map((choice) => `\`${choice}\``).join(', ');
  return choices ? `${argument.description}: ${choices}` : argument.description;
}

function describeCommand(command: Command, parents: string): string[] {
  const name = `${parents} ${command.name()}`;
  const words = command.registeredArguments.map((argument) => [
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
    describeArgument(argument),
  ]);
  const rows = [...words, ...command.options.map((option) => [option.flags, describeOption(option)])];
  const table = rows.map(([flags, what]) => `| \`${flags}\` | ${cell(what as string)} |`);
  return [
    `\n## ${name}\n\n${command.description()}\n`,
    ...(rows.length > 0 ? [`| | |\n|---|---|\n${table.join('\n')}\n`] : []),
    ...command.commands.flatMap((part) => describeCommand(part, name)),
  ];
}

/** Every command with its arguments and options, as Markdown. */
export function commandsMarkdown(program: Command): string {
  const commands = program.commands.flatMap((command) => describeCommand(command, program.name()));
  return [INTRODUCTION, ...commands].join('\n').replaceAll(/\n{3,}/g, '\n\n');
}
