/** Runs one case in a process of its own: its memory peak, its cold start and its event loop are then nobody else's. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { scriptFor } from '../src/core/engine/worker-script.ts';

/** `config` reaches the script as JSON in its last argument. */
export function startCase(script: string, config: unknown): ChildProcess {
  const { file, execArgv } = scriptFor(import.meta.url, script);
  return fork(file, [JSON.stringify(config)], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

/** In the child: what `startCase` was given. */
export function caseConfig<Config>(): Config {
  return JSON.parse(process.argv.at(-1) as string) as Config;
}

/** The next message of the child; rejects when it ends instead. */
export async function nextMessage<Message>(child: ChildProcess): Promise<Message> {
  const stop = new AbortController();
  const ended = once(child, 'exit', { signal: stop.signal }).then(([code, signal]) => {
    throw new Error(`the child process ended with ${signal ?? `code ${code}`}`);
  });
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal: stop.signal }), ended])) as [Message];
    return message;
  } finally {
    stop.abort();
    ended.catch(() => {});
  }
}

/** The one result of a script that ends by itself. */
export async function forkCase<Result>(script: string, config: unknown): Promise<Result> {
  const child = startCase(script, config);
  const exit = once(child, 'exit');
  try {
    return await nextMessage<Result>(child);
  } finally {
    child.disconnect();
    await exit;
  }
}
