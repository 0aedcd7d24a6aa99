/** What a restarted cache finds in its folder, and the removal of what a killed one left. */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KEY } from './tier.ts';

export interface FoundEntry {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds since 1970 of the last use that was written down. */
  readonly usedAt: number;
}

const entriesFolder = (directory: string): string => join(directory, 'entries');
export const unfinishedFolder = (directory: string): string => join(directory, 'unfinished');

/** 256 folders, so that none becomes too long to list. */
export const folderOf = (directory: string, key: string): string => join(entriesFolder(directory), key.slice(0, 2));
export const fileOf = (directory: string, key: string): string => join(folderOf(directory, key), key);

/**
 * Writing takes milliseconds; what is this old was left by a process that was killed, whatever its
 * id is used for now.
 */
const ABANDONED_MS = 10 * 60_000;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Unfinished files are named `<process id>-<anything>`. Our own id at the start is that of a
 * predecessor in a container.
 */
async function removeAbandoned(directory: string, now: number): Promise<void> {
  const folder = unfinishedFolder(directory);
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    const pid = Number.parseInt(name, 10);
    const stats = await stat(file).catch(() => undefined);
    const isAbandoned = !(pid > 0 && pid !== process.pid && isAlive(pid));
    if (isAbandoned || (stats && now - stats.mtimeMs > ABANDONED_MS)) await rm(file, { force: true, recursive: true });
  }
}

async function listFolder(folder: string): Promise<FoundEntry[]> {
  const found: FoundEntry[] = [];
  for (const key of await readdir(folder)) {
    const stats = KEY.test(key) ? await stat(join(folder, key)).catch(() => undefined) : undefined;
    if (stats?.isFile()) found.push({ key, bytes: stats.size, usedAt: stats.mtimeMs });
  }
  return found;
}

/**
 * Makes the folders and lists the entries, least recently used first. Throws what Node throws where
 * it may not.
 */
export async function openFolder(directory: string, now: number): Promise<FoundEntry[]> {
  await mkdir(entriesFolder(directory), { recursive: true });
  await mkdir(unfinishedFolder(directory), { recursive: true });
  await removeAbandoned(directory, now);
  const found: FoundEntry[] = [];
  for (const folder of await readdir(entriesFolder(directory), { withFileTypes: true })) {
    if (folder.isDirectory() && /^[0-9a-f]{2}$/.test(folder.name)) {
      found.push(...(await listFolder(join(entriesFolder(directory), folder.name))));
    }
  }
  return found.sort((a, b) => a.usedAt - b.usedAt);
}
