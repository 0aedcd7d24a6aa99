/**
 * One server per folder: two would both run its jobs. The lock is a file that names its holder. On the holder's own machine, and in its
 * own container, whether that process lives is known at once; from elsewhere only by its heartbeat, a change of the file's time.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { open, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { badOption } from '../../core/errors.ts';
import { beginOf, type Holder, parseHolder, placeOf } from './lock-holder.ts';
import { isUnwritable } from './storage-error.ts';

export interface LockOptions {
  /** Told when another server has taken the folder over, because this one gave no sign of life for too long. */
  readonly onLost: () => void;
  /** Milliseconds between two signs of life. @default 2000 */
  readonly beatMs?: number;
  /** Milliseconds without a sign of life after which the folder is taken over. @default 10000 */
  readonly staleMs?: number;
}

const BEAT_MS = 2000;
const STALE_MS = 10_000;
/** Two may take over at the same moment: the file is the later one's, and the earlier one sees that after this time. */
const SETTLE_MS = 200;
const WATCH_MS = 250;
const MAX_TRIES = 5;

/** Content and time of the file, read anew also where a file system of the network keeps copies; undefined when there is none. */
async function look(path: string): Promise<{ readonly text: string; readonly time: number } | undefined> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    return { text: await file.readFile('utf8'), time: (await file.stat()).mtimeMs };
  } finally {
    await file.close();
  }
}

/** The text of a lock without a living holder, undefined when there is no lock. Throws DS_BAD_OPTION while there is a holder. */
async function waitForEnd(directory: string, path: string, { place, staleMs }: { place: string; staleMs: number }) {
  const first = await look(path);
  if (!first) return undefined;
  const holder = parseHolder(first.text);
  const refuse = () => {
    const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
    return badOption('dir', 'a folder that no other server uses', `${directory}, used by ${who}`);
  };
  if (holder?.place === place) {
    if ((await beginOf(holder.pid)) === holder.begun) throw refuse();
    return first.text;
  }
  // Clocks differ from machine to machine: only that the time changes means something.
  for (let waited = 0; waited < staleMs; waited += WATCH_MS) {
    await sleep(WATCH_MS);
    const next = await look(path);
    if (!next) return undefined;
    if (next.text !== first.text || next.time !== first.time) throw refuse();
  }
  return first.text;
}

function make(path: string, text: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(fd, text);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  return true;
}

function replace(path: string, text: string): void {
  const beside = `${path}.${randomUUID()}`;
  try {
    writeFileSync(beside, text);
    renameSync(beside, path);
  } catch (error) {
    if (!isUnwritable(error)) throw error;
    // On a full disk there is still the room of the old lock.
    writeFileSync(path, text, { flag: 'r+' });
    truncateSync(path, Buffer.byteLength(text));
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Makes the lock, or puts it in the place of `stale`. False when somebody else was faster. */
async function take(path: string, text: string, stale: string | undefined): Promise<boolean> {
  if (stale === undefined) return make(path, text);
  try {
    // Nothing comes between this look and the replacement but the system itself.
    if (readFileSync(path, 'utf8') !== stale) return false;
    replace(path, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  await sleep(SETTLE_MS);
  return (await look(path))?.text === text;
}

/** Gives signs of life until it is told to end, or the lock is somebody else's. */
function startHeartbeat(path: string, text: string, { onLost, beatMs }: { onLost: () => void; beatMs: number }) {
  const beat = async (): Promise<void> => {
    const found = await look(path);
    if (found?.text === text) {
      const now = new Date();
      await utimes(path, now, now);
    } else if (found) {
      clearInterval(timer);
      onLost();
    }
  };
  // A disk that does not answer now may answer at the next beat.
  const timer = setInterval(() => void beat().catch(() => {}), beatMs).unref();
  return () => clearInterval(timer);
}

/**
 * Gives the function that gives the folder back. What a killed server left on this machine is taken over at once, what one elsewhere or
 * in another container left after `staleMs`. Throws DS_BAD_OPTION while another server has it.
 */
export async function lockFolder(directory: string, options: LockOptions): Promise<() => void> {
  const { onLost, beatMs = BEAT_MS, staleMs = STALE_MS } = options;
  const path = join(directory, 'server.pid');
  const place = await placeOf();
  const begun = (await beginOf(process.pid)) ?? '';
  const text = JSON.stringify({ key: randomUUID(), host: hostname(), place, pid: process.pid, begun } satisfies Holder);
  for (let tries = 1; ; tries++) {
    if (await take(path, text, await waitForEnd(directory, path, { place, staleMs }))) break;
    if (tries === MAX_TRIES) throw badOption('dir', 'a folder that no other server uses', directory);
  }
  const stop = startHeartbeat(path, text, { onLost, beatMs });
  return () => {
    stop();
    try {
      if (readFileSync(path, 'utf8') === text) rmSync(path);
    } catch {
      // Somebody has removed the folder.
    }
  };
}
