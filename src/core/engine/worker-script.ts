/**
 * Worker threads and child processes run from the sources (tests, `tsx`) as well as from the build.
 */

import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Script {
  readonly file: string;
  readonly execArgv: string[];
}

/**
 * The module `name` (relative to the importing one, without extension), with what Node needs to run
 * it.
 */
export function scriptFor(importerUrl: string, name: string): Script {
  const isSource = importerUrl.endsWith('.ts');
  const file = fileURLToPath(new URL(`./${name}.${isSource ? 'ts' : 'js'}`, importerUrl));
  // Resolved from here, because `--import tsx` would be looked up from the current directory.
  const loader = () => pathToFileURL(createRequire(importerUrl).resolve('tsx')).href;
  return { file, execArgv: isSource ? ['--import', loader()] : [] };
}

interface ProbeOptions<Report> {
  /** Most milliseconds between two reports. */
  readonly timeoutMs: number;
  readonly onReport: (report: Report) => void;
}

/**
 * Runs `script` with `args`. It sends a report for each of them, in order.
 * Resolves with how the child ended, which is the reason for the reports that did not come.
 */
export function probeInChild<Report>(
  { file, execArgv }: Script,
  args: readonly string[],
  { timeoutMs, onReport }: ProbeOptions<Report>,
): Promise<string> {
  return new Promise((resolve) => {
    // Drivers print to stdout and stderr as they like: reports come over the message channel.
    const child = fork(file, [...args], { execArgv, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    let timer: NodeJS.Timeout;
    let ending = '';
    const waitForReport = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        ending = `did not answer within ${timeoutMs} ms`;
        child.kill('SIGKILL');
      }, timeoutMs);
    };
    waitForReport();
    child.on('message', (report: Report) => {
      onReport(report);
      waitForReport();
    });
    child.on('error', (error) => {
      ending = `could not be tried: ${error.message}`;
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve(ending || `the process that tried it ended with ${signal ?? `code ${code}`}`);
    });
  });
}
