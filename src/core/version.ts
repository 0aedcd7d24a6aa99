/**
 * The package's own version and folder, from `src/` and from `dist/` alike: both lie one level
 * below it.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const VERSION: string = (createRequire(import.meta.url)('../../package.json') as { version: string }).version;

export const PACKAGE_ROOT: string = fileURLToPath(new URL('../..', import.meta.url));
