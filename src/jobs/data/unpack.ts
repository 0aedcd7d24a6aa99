/** Pictures out of an archive that a stranger made: names in it are never paths here, links and what is no file are passed over. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Parser, type ReadEntry } from 'tar';
import { type Entry, openPromise } from 'yauzl';
import { problem } from '../api/api-problem.ts';

export interface UnpackLimits {
  /** Bytes of one file when unpacked; larger ones are passed over. */
  readonly maxFileBytes: number;
  /** Bytes of everything when unpacked, passed over or not. */
  readonly maxTotalBytes: number;
  readonly maxEntries: number;
}

/** Takes the bytes of each file in turn. */
export type TakeFile = (bytes: Buffer) => Promise<void>;

const PICTURE = /\.(jpe?g|png|webp|avif)$/i;

/** Counts what an archive unfolds to, before it does. */
function createBudget({ maxTotalBytes, maxEntries }: UnpackLimits): (bytes: number) => void {
  let [total, entries] = [0, 0];
  return (bytes) => {
    total += bytes;
    entries += 1;
    if (entries > maxEntries) throw problem('DS_BODY_TOO_LARGE', `An archive may have ${maxEntries} entries.`);
    if (total > maxTotalBytes) throw problem('DS_BODY_TOO_LARGE', `An archive may unfold to ${maxTotalBytes} bytes.`);
  };
}

async function collect(stream: Readable | ReadEntry, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    // What the archive says about sizes is a claim.
    if (size > maxBytes) throw problem('DS_BODY_TOO_LARGE', `A file of the archive is larger than it says.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Unix mode in the upper half of the attributes: a regular file, or none given. */
function isPlainFile({ externalFileAttributes, fileName }: Entry): boolean {
  const type = (externalFileAttributes >>> 16) & 0o170000;
  return !fileName.endsWith('/') && (type === 0 || type === 0o100000);
}

async function unpackZip(path: string, limits: UnpackLimits, take: TakeFile): Promise<void> {
  const spend = createBudget(limits);
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true });
  try {
    for await (const entry of zip.eachEntry()) {
      spend(entry.uncompressedSize);
      const isWanted =
        isPlainFile(entry) && PICTURE.test(entry.fileName) && entry.uncompressedSize <= limits.maxFileBytes;
      if (!isWanted || entry.isEncrypted()) continue;
      await take(await collect(await zip.openReadStreamPromise(entry), limits.maxFileBytes));
    }
  } finally {
    zip.close();
  }
}

/** Plain or gzip, whatever it is called. */
async function unpackTar(path: string, limits: UnpackLimits, take: TakeFile): Promise<void> {
  const spend = createBudget(limits);
  const parser = new Parser({ strict: true });
  let failure: unknown;
  let previous: Promise<void> = Promise.resolve();
  const handle = async (entry: ReadEntry): Promise<void> => {
    const isWanted = entry.type === 'File' && PICTURE.test(entry.path) && entry.size <= limits.maxFileBytes;
    if (failure !== undefined || !isWanted) entry.resume();
    else await take(await collect(entry, limits.maxFileBytes));
  };
  parser.on('entry', (entry: ReadEntry) => {
    // Nothing of an entry is read before the one before it has been taken: the parser then stops reading, and memory stays bounded.
    const before = previous;
    previous = (async () => {
      try {
        spend(entry.size);
        await before;
        await handle(entry);
      } catch (error) {
        failure ??= error;
        entry.resume();
        parser.abort(error as Error);
      }
    })();
  });
  const source = createReadStream(path);
  try {
    await pipeline(source, parser as unknown as NodeJS.WritableStream);
  } catch (error) {
    failure ??= error;
  } finally {
    source.destroy();
  }
  await previous;
  if (failure !== undefined) throw failure;
}

/** Throws DS_BODY_TOO_LARGE beyond the limits, and the reader's own error for a damaged archive. */
export function unpack(path: string, isZip: boolean, limits: UnpackLimits, take: TakeFile): Promise<void> {
  return isZip ? unpackZip(path, limits, take) : unpackTar(path, limits, take);
}
