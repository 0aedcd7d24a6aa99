/** Room on the disk, and whether a folder can be written. */
import { access, constants, statfs } from 'node:fs/promises';
import { DualscaleError } from '../../core/errors.ts';

/** Bytes that this process may still write on the disk of `directory`; undefined where the system does not say. */
export async function freeBytes(directory: string): Promise<number | undefined> {
  const stats = await statfs(directory).catch(() => undefined);
  return stats && stats.bavail * stats.bsize;
}

/** Throws DS_NO_SPACE, which tells the client how much is needed. */
export async function requireFreeBytes(directory: string, needed: number): Promise<void> {
  const free = await freeBytes(directory);
  if (free === undefined || free >= needed) return;
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  const detail = `${mebibytes(needed)} are needed, ${mebibytes(free)} are free.`;
  throw new DualscaleError('DS_NO_SPACE', `${directory}: ${detail}`, { publicDetail: detail });
}

/** The folder and why nothing can be written into it; undefined when something can. */
export async function whyNotWritable(directory: string): Promise<string | undefined> {
  try {
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `${directory} (${(error as Error).message})`;
  }
}
