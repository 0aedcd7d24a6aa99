/** `dualscale commands`. */
import type { Command } from 'commander';
import { commandsMarkdown } from '../commands-markdown.ts';

export function runCommands(program: Command): void {
  process.stdout.write(commandsMarkdown(program));
}
