/** Append-only lines of JSON on disk: line n is the event with number n. What a kill cut short is dropped when it is opened again. */
import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  read as readCallback,
  readFileSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';

const read = promisify(readCallback);

export interface Journal {
  /** Lines. */
  readonly length: number;
  /** @param durable waits for the disk: the line survives a power cut. */
  append(line: string, durable: boolean): void;
  /** At most `count` lines from line `first` on, the first one being 1. */
  lines(first: number, count: number): Promise<string[]>;
  close(): void;
}

export interface OpenedJournal<Item> {
  readonly journal: Journal;
  readonly records: readonly Item[];
}

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

async function readRange(fd: number, start: number, end: number): Promise<string> {
  const bytes = Buffer.allocUnsafe(end - start);
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await read(fd, bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) throw new Error('the journal is shorter than it was');
    done += bytesRead;
  }
  return bytes.toString('utf8');
}

/** One writer at a time. Throws Node's error when the file cannot be opened; it is made when it is missing. */
export function openJournal<Item>(path: string): OpenedJournal<Item> {
  const fd = openSync(path, 'a+');
  const { records, offsets } = parse<Item>(readFileSync(path));
  ftruncateSync(fd, offsets.at(-1));
  const length = () => offsets.length - 1;
  /** What a full disk has taken of a line; the next line must not stand behind that. */
  let hasRest = false;
  const cutRest = (): void => {
    ftruncateSync(fd, offsets.at(-1));
    hasRest = false;
  };
  const write = (bytes: Buffer, durable: boolean): void => {
    if (hasRest) cutRest();
    hasRest = true;
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    if (durable) fdatasyncSync(fd);
    hasRest = false;
  };
  const journal: Journal = {
    get length() {
      return length();
    },
    append(line, durable) {
      const bytes = Buffer.from(`${line}\n`);
      const start = offsets.at(-1) as number;
      try {
        write(bytes, durable);
      } catch (error) {
        try {
          cutRest();
        } catch {
          // The next line tries again; the error that counts is the first one.
        }
        throw error;
      }
      offsets.push(start + bytes.length);
    },
    async lines(first, count) {
      const last = Math.min(length(), first + count - 1);
      if (last < first) return [];
      const text = await readRange(fd, offsets[first - 1], offsets[last]);
      return text.slice(0, -1).split('\n');
    },
    close: () => closeSync(fd),
  };
  return { journal, records };
}
