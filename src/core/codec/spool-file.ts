/**
 * Files for pictures that are too large to hold: written row by row, read by the encoder, gone
 * afterwards.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DualscaleError } from '../errors.ts';

export interface SpoolFile {
  readonly path: string;
  append(bytes: readonly Uint8Array[]): Promise<void>;
  /** Ends writing. */
  close(): Promise<void>;
  /** The bytes at `path`, whoever wrote them. */
  read(): Promise<Buffer>;
  remove(): Promise<void>;
}

const PREFIX = 'dualscale-spool-';

/** A process that was killed leaves its folder behind. No picture takes a day. */
const ABANDONED_AFTER_MS = 24 * 3600 * 1000;

/** Of pictures under way, to be removed when the process ends in the midst of them. */
const folders = new Set<string>();

/** Parent folders that were looked through for abandoned ones. */
const cleaned = new Set<string>();

let isExitWatched = false;

/** Only a process that spools has a listener: importing this does nothing. */
function removeFoldersOnExit(): void {
  if (isExitWatched) return;
  isExitWatched = true;
  process.on('exit', () => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
}

async function removeAbandoned(parent: string): Promise<void> {
  if (cleaned.has(parent)) return;
  cleaned.add(parent);
  for (const name of (await readdir(parent)).filter((entry) => entry.startsWith(PREFIX))) {
    const path = join(parent, name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > ABANDONED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}

/**
 * A folder for each file: libvips remembers files by name, and this one was never used before. Its
 * mode is 0700.
 */
async function makeFolder(parent: string): Promise<string> {
  // What another user left, or another process removes meanwhile, is none of ours.
  await removeAbandoned(parent).catch(() => {});
  removeFoldersOnExit();
  const folder = await mkdtemp(join(parent, PREFIX));
  folders.add(folder);
  return folder;
}

/** `readFile` collects pieces and joins them: twice the memory. */
async function readWhole(path: string): Promise<Buffer> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.allocUnsafeSlow(size);
    for (let end = 0; end < size; ) {
      const { bytesRead } = await handle.read(bytes, end, size - end, end);
      if (bytesRead === 0) throw new Error(`${path} became shorter`);
      end += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

export function noRoom(cause: unknown): DualscaleError {
  return new DualscaleError('DS_NO_ROOM', `a large picture could not be spooled: ${String(cause)}`, { cause });
}

/**
 * A new file that nobody else may read. Throws DS_NO_ROOM when it cannot be made, as `append` does
 * when the disk is full.
 *
 * @param parent a folder on a disk. @default the system's folder for temporary files
 */
export async function createSpoolFile(parent = tmpdir()): Promise<SpoolFile> {
  try {
    const folder = await makeFolder(parent);
    const path = join(folder, 'picture');
    const handle = await open(path, 'wx', 0o600);
    let isOpen = true;
    const close = async () => {
      if (!isOpen) return;
      isOpen = false;
      await handle.close();
    };
    return {
      path,
      async append(bytes) {
        try {
          for (const part of bytes) await handle.writeFile(part);
        } catch (cause) {
          throw noRoom(cause);
        }
      },
      close,
      read: () => readWhole(path),
      async remove() {
        await close();
        await rm(folder, { recursive: true, force: true });
        folders.delete(folder);
      },
    };
  } catch (cause) {
    throw noRoom(cause);
  }
}
