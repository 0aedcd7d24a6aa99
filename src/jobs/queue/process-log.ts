/** What a job's processes print, in two files of bounded size. The end is kept: that is where an error is explained. */
import type { ChildProcess } from 'node:child_process';
import { appendFile, open, rename, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** A file that has grown to that replaces the one before, whose name ends with `.1`. */
export const MAX_LOG_BYTES = 1 << 20;

/** For the disk, when the process has ended: a job does not wait for its log. */
const MAX_WAIT_MS = 2000;

export const olderLog = (path: string): string => `${path}.1`;

/** A disk that is slower than the process prints must not fill the memory. */
const MAX_WAITING_BYTES = 4 << 20;
const MAX_WRITE_BYTES = 1 << 17;

/** A log that cannot be written is no reason to end a job: what does not reach the disk is lost, and the next piece is tried again. */
class RotatingFile {
  readonly #path: string;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #written: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  write(chunk: Buffer): void {
    if (this.#waitingBytes > MAX_WAITING_BYTES) return;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#written ??= this.#writeWaiting();
  }

  async end(): Promise<void> {
    await Promise.race([this.#written, sleep(MAX_WAIT_MS, undefined, { ref: false })]);
  }

  async #writeWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const bytes = this.#take();
      await this.#append(bytes).catch(() => {});
      this.#waitingBytes -= bytes.length;
    }
    this.#written = undefined;
  }

  #take(): Buffer {
    let count = 0;
    for (let bytes = 0; count < this.#waiting.length && (count === 0 || bytes < MAX_WRITE_BYTES / 2); count++) {
      bytes += this.#waiting[count].length;
    }
    return Buffer.concat(this.#waiting.splice(0, count));
  }

  async #append(bytes: Buffer): Promise<void> {
    const size = await stat(this.#path).then(
      (file) => file.size,
      () => 0,
    );
    if (size >= MAX_LOG_BYTES) await rename(this.#path, olderLog(this.#path));
    await appendFile(this.#path, bytes);
  }
}

/** Resolves when everything that the process printed is written or cannot be; never rejects. */
export async function writeLog(child: Pick<ChildProcess, 'stdout' | 'stderr' | 'once'>, path: string): Promise<void> {
  const file = new RotatingFile(path);
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => file.write(chunk));
  await new Promise<void>((resolve) => void child.once('close', () => resolve()));
  await file.end();
}

/** At most `maxBytes` of the end of a file; none when it cannot be read. */
async function readEnd(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return Buffer.alloc(0);
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, maxBytes));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, Math.max(0, size - maxBytes));
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** At most `maxBytes` of the end of a log, over both of its files; none when there is none. */
export async function readLogTail(path: string, maxBytes: number): Promise<Buffer> {
  const end = await readEnd(path, maxBytes);
  return end.length === maxBytes ? end : Buffer.concat([await readEnd(olderLog(path), maxBytes - end.length), end]);
}
