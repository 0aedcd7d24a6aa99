/** What a job's processes print, in two files of bounded size: the end is kept, for that is where an error says what it was. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  createWriteStream,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  type WriteStream,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Of the file; when it has grown to that, it takes the place of the one before, whose name ends with `.1`. */
export const MAX_LOG_BYTES = 1 << 20;

/** For the disk, when the process has ended: a job does not wait for its log. */
const MAX_WAIT_MS = 2000;

export const olderLog = (path: string): string => `${path}.1`;

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** A log that cannot be written is no reason to end a job: what does not go on the disk is lost, and the next piece is tried again. */
class RotatingFile {
  readonly #path: string;
  #size: number;
  #stream: WriteStream;

  constructor(path: string) {
    this.#path = path;
    this.#size = sizeOf(path);
    this.#stream = this.#open('a');
  }

  #open(flags: 'a' | 'w'): WriteStream {
    return createWriteStream(this.#path, { flags }).on('error', () => {});
  }

  #rotate(): void {
    this.#stream.end();
    this.#size = 0;
    try {
      renameSync(this.#path, olderLog(this.#path));
      this.#stream = this.#open('a');
    } catch {
      this.#stream = this.#open('w');
    }
  }

  write(chunk: Buffer): void {
    if (this.#size >= MAX_LOG_BYTES) this.#rotate();
    if (this.#stream.destroyed) this.#stream = this.#open('a');
    // A disk that is slower than what is printed must not fill the memory.
    if (this.#stream.writableLength > MAX_LOG_BYTES) return;
    this.#size += chunk.length;
    this.#stream.write(chunk);
  }

  async end(): Promise<void> {
    if (this.#stream.destroyed) return;
    this.#stream.end();
    const closed = once(this.#stream, 'close').catch(() => {});
    await Promise.race([closed, sleep(MAX_WAIT_MS, undefined, { ref: false })]);
  }
}

/** Resolves when all is written that the process has printed, or cannot be written; never rejects. */
export async function writeLog(child: Pick<ChildProcess, 'stdout' | 'stderr' | 'once'>, path: string): Promise<void> {
  const file = new RotatingFile(path);
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => file.write(chunk));
  await new Promise<void>((resolve) => child.once('close', () => resolve()));
  await file.end();
}

/** At most `most` bytes of the end of a file; none when it cannot be read. */
function readEnd(path: string, most: number): Buffer {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return Buffer.alloc(0);
  }
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, most));
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, Math.max(0, size - most)));
  } finally {
    closeSync(fd);
  }
}

/** At most `most` bytes of the end of a log, over both of its files; none when there is none. */
export function readLogTail(path: string, most: number): Buffer {
  const end = readEnd(path, most);
  return end.length === most ? end : Buffer.concat([readEnd(olderLog(path), most - end.length), end]);
}
