/** Append-only lines of JSON on disk: line n is event n. What a kill cut short is dropped when the file is opened again. */
import { type FileHandle, open } from 'node:fs/promises';

interface ParsedFile<Item> {
  readonly records: Item[];
  /** Byte where each line begins, and where the next one will. */
  readonly offsets: number[];
}

/** Reads up to the first line that is not whole: the process was killed, or the power went, while it was written. */
function parse<Item>(bytes: Buffer): ParsedFile<Item> {
  const records: Item[] = [];
  const offsets = [0];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0) break;
    try {
      records.push(JSON.parse(bytes.toString('utf8', start, end)) as Item);
    } catch {
      break;
    }
    start = end + 1;
    offsets.push(start);
  }
  return { records, offsets };
}

/** One writer, which waits for each `append` before the next. Readers may come at any time. */
export class Journal {
  readonly #file: FileHandle;
  readonly #offsets: number[];
  /** A full disk may have taken a part of a line; the next line must not stand behind that. */
  #hasRest = false;

  private constructor(file: FileHandle, offsets: number[]) {
    this.#file = file;
    this.#offsets = offsets;
  }

  /** Creates the file when it is missing. Throws Node's error when it cannot be opened. */
  static async open<Item>(path: string): Promise<{ readonly journal: Journal; readonly records: readonly Item[] }> {
    const file = await open(path, 'a+');
    try {
      const { records, offsets } = parse<Item>(await file.readFile());
      await file.truncate(offsets.at(-1));
      return { journal: new Journal(file, offsets), records };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Lines. */
  get length(): number {
    return this.#offsets.length - 1;
  }

  get #end(): number {
    return this.#offsets.at(-1) as number;
  }

  /** All of the lines or none. @param durable waits for the disk: they survive a power cut. */
  async append(lines: readonly string[], durable: boolean): Promise<void> {
    const chunks = lines.map((line) => Buffer.from(`${line}\n`));
    const bytes = Buffer.concat(chunks);
    try {
      await this.#write(bytes, durable);
    } catch (error) {
      // Where this fails the next line tries again.
      await this.#cutRest().catch(() => {});
      throw error;
    }
    for (const { length } of chunks) this.#offsets.push(this.#end + length);
  }

  async #write(bytes: Buffer, durable: boolean): Promise<void> {
    if (this.#hasRest) await this.#cutRest();
    this.#hasRest = true;
    for (let done = 0; done < bytes.length; ) done += (await this.#file.write(bytes, done)).bytesWritten;
    if (durable) await this.#file.datasync();
    this.#hasRest = false;
  }

  async #cutRest(): Promise<void> {
    await this.#file.truncate(this.#end);
    this.#hasRest = false;
  }

  /** At most `count` lines from line `first` on, the first one being 1. */
  async lines(first: number, count: number): Promise<string[]> {
    const last = Math.min(this.length, first + count - 1);
    if (last < first) return [];
    const start = this.#offsets[first - 1];
    const bytes = Buffer.allocUnsafe(this.#offsets[last] - start);
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.#file.read(bytes, done, bytes.length - done, start + done);
      if (bytesRead === 0) throw new Error('the journal is shorter than it was');
      done += bytesRead;
    }
    return bytes.toString('utf8', 0, bytes.length - 1).split('\n');
  }

  /** Resolves when reads under way have ended. */
  close(): Promise<void> {
    return this.#file.close();
  }
}
