/** Versions of the packages the hosts come from, as they are installed. */
import { readFileSync } from 'node:fs';

export function versionOf(folder: string): string {
  const path = new URL(`../../../node_modules/${folder}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
