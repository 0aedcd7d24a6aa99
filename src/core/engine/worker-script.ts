/** Worker threads and child processes run from the sources (tests, `tsx`) as well as from the build. */
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Script {
  readonly file: string;
  readonly execArgv: string[];
}

/** The module `name` (relative to the importing one, without extension), with what Node needs to run it. */
export function scriptFor(importerUrl: string, name: string): Script {
  const isSource = importerUrl.endsWith('.ts');
  const file = fileURLToPath(new URL(`./${name}.${isSource ? 'ts' : 'js'}`, importerUrl));
  // Resolved from here, because `--import tsx` would be looked up from the current directory.
  const loader = () => pathToFileURL(createRequire(importerUrl).resolve('tsx')).href;
  return { file, execArgv: isSource ? ['--import', loader()] : [] };
}
