/** The page docs/commands.md, from the command line's grammar. */
import type { Argument, Command, Option } from 'commander';

const INTRODUCTION = `# Commands

\`npx dualscale COMMAND --help\` prints the same. Exit code: 0 on success, 1 on failure, 2 on bad usage.

This page is printed by \`dualscale commands\`; a test compares it with the code.

| environment | |
|---|---|
| \`DUALSCALE_TOKEN\` | token of the job API, checked by \`serve --jobs\` and sent by \`jobs\` and \`models\` ([jobs.md](jobs.md)); without it \`serve\` makes one and prints it |
| \`DUALSCALE_SIGNING_KEYS\` | \`proxy\`: secrets, separated by commas; only URLs signed with one of them are enlarged ([hosts.md](hosts.md#signed-urls)) |
| \`DUALSCALE_DEBUG\` | any value: errors are printed with their stack |
`;

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function describeOption({ description, argChoices, defaultValue, envVar, mandatory }: Option): string {
  const { width, height } = (defaultValue ?? {}) as { width?: number; height?: number };
  const value = width === undefined ? defaultValue : `${width}x${height}`;
  const parts = [
    description,
    argChoices?.map((choice) => `\`${choice}\``).join(', '),
    value !== undefined && `default: \`${value}\``,
    envVar && `environment: \`${envVar}\``,
    mandatory && 'required',
  ];
  return parts.filter(Boolean).join('; ');
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
  const rows = [
    ...words,
    ...command.options.filter(({ hidden }) => !hidden).map((option) => [option.flags, describeOption(option)]),
  ];
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
