/** The photographs of one folder, served by IPX where it is installed, else as plain files. */
import { readdir, readFile, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, extname, join } from 'node:path';
import express, { type RequestHandler } from 'express';

const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp', '.avif']);
/** A folder may hold a whole archive, and the page shows every photograph it gets. */
const MAX_PHOTOS = 200;

/** Whether a file of this name is a picture this server shows; never a path, never a hidden file. */
export function isPhotoName(name: string): boolean {
  return basename(name) === name && !/^\.|[\\/\0]/.test(name) && EXTENSIONS.has(extname(name).toLowerCase());
}

/** Sorted names of the pictures directly in `directory`, at most MAX_PHOTOS, without hidden files. */
export async function listPhotos(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => entry.name)
    .filter(isPhotoName)
    .sort()
    .slice(0, MAX_PHOTOS);
}

export interface PhotoHost {
  readonly name: 'ipx' | 'express.static';
  readonly handler: RequestHandler;
}

/**
 * IPX re-encodes every picture, by default as JPEG of quality 80, whose artefacts would be enlarged. Lossy formats get a
 * higher quality; PNG gets none, because sharp would make a palette.
 */
function modifiersFor(name: string): string {
  return extname(name).toLowerCase() === '.png' ? '_' : 'quality_95';
}

/** IPX decodes its path twice and refuses quotes and percent signs in it, so names travel through it as base64url. */
const idOf = (name: string): string => Buffer.from(name).toString('base64url');

function fileOf(directory: string, id: string): string | undefined {
  const name = Buffer.from(id.replace(/^\//, ''), 'base64url').toString();
  return isPhotoName(name) ? join(directory, name) : undefined;
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** What IPX asks its storage for: the date of a file and its bytes, undefined where there is none. */
function photoStorage(directory: string) {
  return {
    name: 'photos',
    async getMeta(id: string) {
      const file = fileOf(directory, id);
      try {
        return file === undefined ? undefined : { mtime: (await stat(file)).mtime };
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    async getData(id: string) {
      const file = fileOf(directory, id);
      if (file === undefined) return undefined;
      const bytes = await readFile(file);
      return new Uint8Array(bytes).buffer;
    },
  };
}

async function createIpxHandler(directory: string): Promise<RequestHandler> {
  const { createIPX, createIPXNodeServer } = await import('ipx');
  // IPX copies these into sharp's own settings: phones store pictures lying on their side, and 4:2:0 halves colour edges.
  const sharpOptions = { autoOrient: true, jpegChromaSubsampling: '4:4:4' } as object;
  const serve = createIPXNodeServer(createIPX({ storage: photoStorage(directory), sharpOptions }));
  return (req: IncomingMessage, res: ServerResponse) => {
    const name = decodePath(req.url ?? '/');
    req.url = `/${modifiersFor(name)}/${idOf(name)}`;
    return serve(req, res);
  };
}

function decodePath(url: string): string {
  const path = (url.split('?')[0] as string).slice(1);
  try {
    return decodeURIComponent(path);
  } catch {
    throw Object.assign(new Error(`not a path: ${path}`), { status: 400 });
  }
}

/** The same files as with IPX: only photographs, and only of the folder itself. */
function createFileHandler(directory: string): RequestHandler {
  const files = express.static(directory, { index: false, redirect: false });
  return (req, res, next) => (isPhotoName(decodePath(req.url)) ? files(req, res, next) : next());
}

/** @param onFallback gets the reason why IPX, an optional peer dependency, cannot be used */
export async function createPhotoHost(directory: string, onFallback: (reason: string) => void): Promise<PhotoHost> {
  try {
    return { name: 'ipx', handler: await createIpxHandler(directory) };
  } catch (error) {
    onFallback((error as Error).message.split('\n')[0] as string);
    return { name: 'express.static', handler: createFileHandler(directory) };
  }
}
