/** Which files are enlarged, and where the results go. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, extname, join, relative, resolve, sep } from 'node:path';
import type { ImageFormat } from '../core/codec/container.ts';
import { badOption } from '../core/errors.ts';

const FORMAT_BY_EXTENSION: Readonly<Record<string, ImageFormat>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
  '.avif': 'avif',
};

export interface PlannedFile {
  readonly from: string;
  readonly to: string;
  /** Of the file to write. */
  readonly format: ImageFormat;
}

export interface FilePlan {
  readonly files: readonly PlannedFile[];
  /** Files of the folder that are not pictures, relative to it. */
  readonly skipped: readonly string[];
}

const formatOf = (path: string): ImageFormat | undefined => FORMAT_BY_EXTENSION[extname(path).toLowerCase()];

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats && (stats.isDirectory() ? 'folder' : 'file');
}

/** Follows links; of a place that does not exist yet it compares the path. */
async function isSamePlace(a: string, b: string): Promise<boolean> {
  const real = (path: string) => realpath(path).catch(() => resolve(path));
  return (await real(a)) === (await real(b));
}

async function planFile(from: string, out: string): Promise<FilePlan> {
  const isFolder = (await kindOf(out)) === 'folder' || out.endsWith('/') || out.endsWith(sep);
  const to = isFolder ? join(out, basename(from)) : out;
  const format = formatOf(to);
  if (!format) throw badOption('<out>', 'a .png, .jpg, .jpeg, .webp or .avif file, or a folder', out);
  if (await isSamePlace(from, to)) throw badOption('<out>', 'another file than <in>', out);
  return { files: [{ from, to, format }], skipped: [] };
}

async function planFolder(from: string, out: string): Promise<FilePlan> {
  if ((await kindOf(out)) === 'file') throw badOption('<out>', 'a folder, because <in> is one', out);
  if (await isSamePlace(from, out)) throw badOption('<out>', 'another folder than <in>', out);
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  const files: PlannedFile[] = [];
  const skipped: string[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    // Results of an earlier run in a subfolder are not enlarged again.
    if (entry.isDirectory() || !relative(resolve(out), resolve(path)).startsWith('..')) continue;
    const name = relative(from, path);
    const format = formatOf(name);
    if (format) files.push({ from: path, to: join(out, name), format });
    else skipped.push(name);
  }
  return { files: files.sort((a, b) => (a.from < b.from ? -1 : 1)), skipped: skipped.sort() };
}

/** Throws DS_BAD_OPTION when `from` does not exist, or `out` does not fit it or is the same place. */
export async function planFiles(from: string, out: string): Promise<FilePlan> {
  const kind = await kindOf(from);
  if (!kind) throw badOption('<in>', 'a file or folder that exists', from);
  return kind === 'folder' ? planFolder(from, out) : planFile(from, out);
}
