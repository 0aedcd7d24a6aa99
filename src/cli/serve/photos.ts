/** The photographs of one folder. */
import { readdir } from 'node:fs/promises';
import { basename, extname } from 'node:path';

const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp', '.avif']);
/** The page shows every photograph it is told of: a folder with a whole archive must not make a page nobody can scroll. */
const MAX_PHOTOS = 200;

/** Whether a file of this name is a picture this server shows; never a path, never a hidden file. */
export function isPhotoName(name: string): boolean {
  return basename(name) === name && !/^\.|[\\/\0]/.test(name) && EXTENSIONS.has(extname(name).toLowerCase());
}

/** Names of the pictures directly in `directory`, sorted, at most MAX_PHOTOS; hidden files and subfolders are passed over. */
export async function listPhotos(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => entry.name)
    .filter(isPhotoName)
    .sort()
    .slice(0, MAX_PHOTOS);
}
