/** The photographs of one folder. */
import { readdir } from 'node:fs/promises';
import { extname } from 'node:path';

const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp', '.avif']);
/** The page shows every photograph it is told of: a folder with a whole archive must not make a page nobody can scroll. */
export const MOST_PHOTOS = 200;

/** Names of the pictures directly in `directory`, sorted, at most MOST_PHOTOS; hidden files and subfolders are passed over. */
export async function listPhotos(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .filter((name) => EXTENSIONS.has(extname(name).toLowerCase()))
    .sort()
    .slice(0, MOST_PHOTOS);
}
