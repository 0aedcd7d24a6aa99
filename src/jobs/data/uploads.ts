/** Archives of pictures that were uploaded: received, unpacked, listed, removed. */
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DualscaleError, publicError } from '../../core/errors.ts';
import { randomId, readJsonOrWarn, writeJson } from '../json-file.ts';
import { requireFreeBytes } from './disk-space.ts';
import { countPictures, inspectPicture, keepPicture, type PictureCount } from './picture-folder.ts';
import { unpack } from './unpack.ts';

export interface Upload extends PictureCount {
  readonly id: string;
  /** Files that are of no use. */
  readonly skipped: number;
  readonly createdAt: string;
}

export interface UploadsOptions {
  readonly directory: string;
  readonly maxUploadBytes: number;
  readonly minFreeBytes: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly warn: (message: string) => void;
}

const TYPES: Readonly<Record<string, 'zip' | 'tar'>> = {
  'application/zip': 'zip',
  'application/x-zip-compressed': 'zip',
  'application/x-tar': 'tar',
  'application/gzip': 'tar',
  'application/x-gzip': 'tar',
};
const DESCRIPTION = 'upload.json';
const UPLOAD_ID = /^upload-[a-z0-9]{16}$/;
const MAX_FILE_BYTES = 64 * 2 ** 20;
const MAX_ENTRIES = 100_000;
/** Pictures are compressed already: an archive that unfolds to many times its size is not one of pictures. */
const MAX_EXPANSION = 4;

function archiveType(req: IncomingMessage): 'zip' | 'tar' {
  const type = TYPES[(req.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase()];
  if (!type) throw publicError('DS_MEDIA_TYPE', `Expected one of ${Object.keys(TYPES).join(', ')}.`);
  return type;
}

async function receiveBody(req: IncomingMessage, path: string, maxBytes: number): Promise<void> {
  const tooLarge = () => publicError('DS_BODY_TOO_LARGE', `An upload may have ${maxBytes} bytes.`);
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  let received = 0;
  await pipeline(
    req,
    async function* count(source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        received += chunk.length;
        if (received > maxBytes) throw tooLarge();
        yield chunk;
      }
    },
    createWriteStream(path, { flags: 'wx' }),
  );
}

function asDataProblem(error: unknown): DualscaleError {
  if (error instanceof DualscaleError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC') return publicError('DS_NO_SPACE', 'The disk is full.');
  const publicDetail = 'The archive is damaged or of another type.';
  return new DualscaleError('DS_BAD_DATA', `an upload: ${String(error)}`, { publicDetail, cause: error });
}

export class Uploads {
  readonly #options: UploadsOptions;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  directory(id: string): string {
    return join(this.#options.directory, id);
  }

  /** Undefined for an upload that is not there, or whose description is corrupt. */
  async get(id: string): Promise<Upload | undefined> {
    if (!UPLOAD_ID.test(id)) return undefined;
    return readJsonOrWarn<Upload>(join(this.directory(id), DESCRIPTION), this.#options.warn);
  }

  /** Latest first. */
  async list(): Promise<Upload[]> {
    const names = await readdir(this.#options.directory).catch((): string[] => []);
    const uploads: Upload[] = [];
    for (const name of names) {
      const upload = await this.get(name);
      if (upload) uploads.push(upload);
    }
    return uploads.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  }

  remove(id: string): Promise<void> {
    return rm(this.directory(id), { recursive: true, force: true });
  }

  /**
   * Takes the body of a request. Throws DS_MEDIA_TYPE, DS_BODY_TOO_LARGE, DS_BAD_DATA (no archive, or without usable pictures),
   * DS_NO_SPACE.
   */
  async receive(req: IncomingMessage): Promise<Upload> {
    const { directory, maxUploadBytes, minFreeBytes, now } = this.#options;
    const type = archiveType(req);
    await requireFreeBytes(directory, minFreeBytes + Number(req.headers['content-length'] ?? 0));
    const id = randomId('upload');
    // A name with a dot is an upload that is not finished; the next start removes it.
    const folder = join(directory, `.${id}`);
    await mkdir(folder, { recursive: true });
    try {
      const archive = join(folder, 'archive');
      await receiveBody(req, archive, maxUploadBytes);
      const skipped = await this.#unpack(folder, archive, type);
      await rm(archive);
      const { pictures, smallPictures, bytes } = await countPictures(folder);
      const createdAt = new Date(now()).toISOString();
      const upload: Upload = { id, pictures, smallPictures, bytes, skipped, createdAt };
      await writeJson(join(folder, DESCRIPTION), upload);
      await rename(folder, this.directory(id));
      return upload;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw asDataProblem(error);
    }
  }

  /** Gives the number of files that are of no use. */
  async #unpack(folder: string, archive: string, type: 'zip' | 'tar'): Promise<number> {
    let number = 0;
    let skipped = 0;
    const limits = {
      maxFileBytes: MAX_FILE_BYTES,
      maxTotalBytes: MAX_EXPANSION * this.#options.maxUploadBytes,
      maxEntries: MAX_ENTRIES,
    };
    await unpack(archive, type === 'zip', limits, async (bytes) => {
      const usable = await inspectPicture(bytes);
      if (usable) await keepPicture(folder, String(number++).padStart(6, '0'), bytes, usable);
      else skipped += 1;
    });
    if (number === 0) throw publicError('DS_BAD_DATA', 'The archive holds no usable picture.');
    return skipped;
  }
}
