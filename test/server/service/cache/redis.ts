/** A real Redis of this machine (Debian's `redis-server`), on a socket of its own, with nothing kept. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import KeyvRedis from '@keyv/redis';
import Keyv from 'keyv';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

/** Why tests with Redis are skipped; undefined where it is installed. */
export const NO_REDIS =
  spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'redis-server is not installed';

export interface Redis {
  readonly store: Keyv;
  /** As a machine that loses its power: nothing is closed. */
  kill(): Promise<void>;
}

/** Starts a server and opens it as a Keyv; both end with the test. */
export async function openRedis(): Promise<Redis> {
  const folder = await temporaryFolder();
  const socket = join(folder, 'redis.sock');
  const options = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of child.stdout) if (String(line).includes('eady to accept connections')) break;
  const adapter = new KeyvRedis({ socket: { path: socket, tls: false } });
  // As docs/operations.md has it: without a listener an error of the connection would end the process.
  const store = new Keyv(adapter).on('error', () => {});
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  onTestFinished(async () => {
    await adapter.disconnect(true);
    await kill();
  });
  return { store, kill };
}
