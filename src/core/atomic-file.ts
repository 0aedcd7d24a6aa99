/** Files that a reader sees whole or not at all, whenever the writer is killed. */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const besideOf = (path: string): string => `${path}.${randomBytes(6).toString('hex')}.tmp`;

/**
 * Makes the names in a folder survive a power cut. Windows cannot open folders and does so by
 * itself.
 */
export async function syncFolder(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(directory, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Throws when the file exists already. */
export async function writeSynced(path: string, content: Uint8Array | string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Writes beside, syncs, renames: a kill or a power cut leaves the old file or the new one. */
export async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  const beside = besideOf(path);
  try {
    await writeSynced(beside, content);
    await rename(beside, path);
  } finally {
    await rm(beside, { force: true });
  }
  await syncFolder(dirname(path));
}

function syncFolderSync(directory: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(directory, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** As `replaceFile`, for processes that serve nobody meanwhile. */
export function replaceFileSync(path: string, content: string): void {
  const beside = besideOf(path);
  try {
    writeFileSync(beside, content, { flush: true });
    renameSync(beside, path);
  } finally {
    rmSync(beside, { force: true });
  }
  syncFolderSync(dirname(path));
}

/** Undefined when there is no such file. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
