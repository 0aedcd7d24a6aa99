/** Pictures out of a tar, plain or gzip. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { collect, createBudget, isPicture, type TakeFile, type UnpackLimits } from './unpack-parts.ts';

const GZIP_MAGIC = 0x1f8b;
const CHUNK_BYTES = 65_536;
/** Long names and dates take some hundred bytes; the parser reads such a block at one go. */
const MAX_ATTRIBUTE_BYTES = 65_536;

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE() === GZIP_MAGIC;
  } finally {
    await file.close();
  }
}

/** The tar itself. It is unfolded here and not by the parser, which does so on the main thread, whether or not anybody reads what comes out. */
async function openTar(path: string): Promise<Readable> {
  const isPacked = await isGzip(path);
  const file = createReadStream(path);
  if (!isPacked) return file;
  // What goes wrong with one of the two destroys the other; who reads gets the error.
  return pipeline(file, createGunzip({ chunkSize: CHUNK_BYTES }), () => {});
}

/** Lets a parser see no more than it takes, and nothing behind the blocks that end an archive. */
class TarReader {
  readonly #parser = new Parser({ strict: true, brotli: false, zstd: false, maxMetaEntrySize: MAX_ATTRIBUTE_BYTES });
  readonly #limits: UnpackLimits;
  readonly #budget: ReturnType<typeof createBudget>;
  readonly #take: TakeFile;
  #failure: unknown;
  #isOver = false;
  #entry: ReadEntry | undefined;
  #taken: Promise<void> = Promise.resolve();

  constructor(limits: UnpackLimits, take: TakeFile) {
    this.#limits = limits;
    this.#budget = createBudget(limits);
    this.#take = take;
    this.#parser.on('error', (error) => this.#fail(error));
    this.#parser.on('eof', () => {
      this.#isOver = true;
    });
    this.#parser.on('entry', (entry: ReadEntry) => {
      // Nothing of an entry is read before the one before it has been taken: the parser then asks for no more, and memory stays bounded.
      const before = this.#taken;
      this.#entry = entry;
      this.#taken = this.#handle(entry, before).catch((error: unknown) => this.#abort(error));
    });
    // Attributes and what the parser passes over by itself are entries too.
    for (const event of ['meta', 'ignoredEntry']) this.#parser.on(event, () => this.#count());
  }

  /** Resolves when all is taken. */
  async read(source: Readable): Promise<void> {
    // A first block of zeros says nothing about the archive, but the parser then looks for no compression inside it.
    this.#parser.write(Buffer.alloc(512));
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        this.#budget.unfold(chunk.length);
        const mayGoOn = this.#parser.write(chunk);
        if (this.#isDone()) break;
        if (!mayGoOn) await once(this.#parser, 'drain');
      }
      if (this.#failure === undefined) this.#parser.end();
    } catch (error) {
      this.#fail(error);
    }
    // One that is cut in the middle would be waited for.
    if (this.#failure !== undefined) this.#entry?.end();
    await this.#taken;
    if (this.#failure !== undefined) throw this.#failure;
  }

  #isDone(): boolean {
    return this.#isOver || this.#failure !== undefined;
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** Wakes who waits for the parser, which says nothing any more. */
  #abort(error: unknown): void {
    this.#fail(error);
    this.#entry?.resume();
    this.#parser.abort(error as Error);
  }

  #count(): void {
    try {
      this.#budget.count();
    } catch (error) {
      this.#abort(error);
    }
  }

  async #handle(entry: ReadEntry, before: Promise<void>): Promise<void> {
    this.#budget.count();
    const { maxFileBytes } = this.#limits;
    await before;
    const isWanted = entry.type === 'File' && isPicture(entry.path) && entry.size <= maxFileBytes;
    if (this.#failure !== undefined || !isWanted) {
      entry.resume();
      return;
    }
    const bytes = await collect(entry, maxFileBytes);
    if (this.#failure === undefined) await this.#take(bytes);
  }
}

export async function unpackTar(path: string, limits: UnpackLimits, take: TakeFile): Promise<void> {
  const source = await openTar(path);
  try {
    await new TarReader(limits, take).read(source);
  } finally {
    source.destroy();
  }
}
