/** The process that works on a job: started, limited, told to stop, and found again after the server was killed. */
import { execFile, fork, spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { scriptFor } from '../../core/engine/worker-script.ts';
import type { JobFolder } from './job-folder.ts';
import type { ChildMessage, ParentMessage } from './job-spec.ts';
import { writeLog } from './process-log.ts';

export interface JobProcessOptions {
  /** Module of `worker`, without its extension. */
  readonly script: 'job-worker' | 'evaluate-worker';
  readonly folder: JobFolder;
  /** MiB of JavaScript heap. */
  readonly heapMegabytes: number;
  readonly onMessage: (message: ChildMessage) => void;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface JobProcess {
  readonly pid: number;
  /** How it ended; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  send(message: ParentMessage): void;
  kill(signal: NodeJS.Signals): void;
}

/** The token is the server's: a child that runs networks has no use for it. */
function childEnvironment(): NodeJS.ProcessEnv {
  const { DUALSCALE_TOKEN, ...env } = process.env;
  // ONNX Runtime and TF.js take their threads by options; libraries below them read these.
  return { ...env, OMP_NUM_THREADS: '1' };
}

/**
 * The child waits for `go`: by then its pid is on disk, so a killed server leaves no worker that nobody knows of.
 * Throws Node's error when the pid cannot be written.
 */
export async function startJobProcess({ script, folder, heapMegabytes, onMessage }: JobProcessOptions) {
  const { file, execArgv } = scriptFor(import.meta.url, `../worker/${script}`);
  const child = fork(file, [folder.directory], {
    execArgv: [...execArgv, `--max-old-space-size=${heapMegabytes}`],
    env: childEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const logged = writeLog(child, folder.log);
  child.on('message', (message) => onMessage(message as ChildMessage));
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.on('error', () => resolve({ code: null, signal: null }));
    child.on('close', (code, signal) => void logged.then(() => resolve({ code, signal })));
  }).finally(() => {
    // A pid that cannot be removed and that nobody has any more is passed over by the next start.
    return rm(folder.pid, { force: true }).catch(() => {});
  });
  const { pid = 0 } = child;
  const jobProcess: JobProcess = {
    pid,
    ended,
    // A message to a child that has just died is no error of ours: its end is reported by `ended`.
    send: (message) => void (child.connected && child.send(message, () => {})),
    kill: (signal) => void child.kill(signal),
  };
  if (pid === 0) return jobProcess;
  try {
    await writeFile(folder.pid, String(pid));
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  jobProcess.send({ type: 'go' });
  return jobProcess;
}

async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (process.platform === 'win32') return '';
  const { stdout } = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout;
}

/**
 * Kills `pid` when this process ends before the result is called. A suspended process does not see its server go, and would
 * keep its memory until the next start.
 */
export function killWithServer(pid: number): () => void {
  // The shell's input ends with this process. In a group of its own, Ctrl-C in the terminal does not reach the shell.
  const guard = spawn('/bin/sh', ['-c', 'read -r line || kill -KILL "$1"', 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.on('error', () => {});
  guard.stdin.on('error', () => {});
  guard.unref();
  return () => void guard.stdin.end('stop\n');
}

const POLL_MS = 20;
/** A process that hangs in the kernel is not waited for longer. */
const MAX_ORPHAN_MS = 5000;

/**
 * Ends what a killed server left: its child notices by itself, but perhaps not before the next one writes into the same folder.
 * Gives false when it still runs after `maxMs`.
 */
export async function endOrphan(folder: JobFolder, maxMs = MAX_ORPHAN_MS): Promise<boolean> {
  const pid = Number(await readFile(folder.pid, 'utf8').catch(() => ''));
  // Pids are used again: only a process that was started on this very folder is ours.
  const isOurs = async () => pid > 0 && (await commandLine(pid)).includes(folder.directory);
  for (let waited = 0; await isOurs(); waited += POLL_MS) {
    if (waited >= maxMs) return false;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      break;
    }
    await sleep(POLL_MS);
  }
  await rm(folder.pid, { force: true });
  return true;
}
