/** A bounded random sample of the pictures that passed through, to learn from what is really requested. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { copyFile, link, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { badOption } from '../../core/errors.ts';
import { createMutex } from '../../core/mutex.ts';
import { countPictures, inspectPicture, keepPicture, listPictures, type PictureCount } from './picture-folder.ts';

export interface TrafficOptions {
  /** Pictures that are kept, 1 to 100000. @default 500 */
  readonly maxPictures?: number;
  /** Bytes of all of them, from 1. @default 268435456 */
  readonly maxBytes?: number;
  /** Days after which a picture is removed, above 0. @default 30 */
  readonly retentionDays?: number;
  /** Only pictures whose URL matches one of these; without any, all. @default [] */
  readonly allow?: readonly RegExp[];
  /** No pictures whose URL matches one of these. @default [] */
  readonly deny?: readonly RegExp[];
}

export interface SourcePicture {
  /** Path and query the picture was asked for by. */
  readonly url: string;
  readonly bytes: Uint8Array;
}

export interface TrafficContext {
  readonly directory: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number;
  readonly warn: (message: string) => void;
}

const DAY_MS = 86_400_000;
/** Pictures that wait to be looked at. Further ones are skipped: serving has priority. */
const MAX_PENDING = 4;
const KINDS = ['large', 'small'] as const;

function isWanted(url: string, { allow = [], deny = [] }: TrafficOptions): boolean {
  // Not `test`: with the flags `g` and `y` it goes on where the last match ended, which was in another URL.
  const matches = (pattern: RegExp) => url.search(pattern) >= 0;
  return (allow.length === 0 || allow.some(matches)) && !deny.some(matches);
}

function resolveTraffic({ maxPictures = 500, maxBytes = 256 * 2 ** 20, retentionDays = 30 }: TrafficOptions) {
  if (!(Number.isInteger(maxPictures) && maxPictures >= 1 && maxPictures <= 100_000)) {
    throw badOption('traffic.maxPictures', 'an integer from 1 to 100000', maxPictures);
  }
  if (!(Number.isSafeInteger(maxBytes) && maxBytes >= 1)) throw badOption('traffic.maxBytes', 'from 1', maxBytes);
  if (!(retentionDays > 0)) throw badOption('traffic.retentionDays', 'above 0', retentionDays);
  return { maxPictures, maxBytes, retentionDays };
}

interface Kept {
  readonly path: string;
  readonly bytes: number;
  readonly since: number;
}

/** By the hash of their bytes, which is their name: the same picture is never kept twice. */
function readKept(directory: string): Map<string, Kept> {
  const kept = new Map<string, Kept>();
  for (const kind of KINDS) {
    mkdirSync(join(directory, kind), { recursive: true });
    for (const name of readdirSync(join(directory, kind))) {
      const path = join(directory, kind, name);
      const { size, mtimeMs } = statSync(path);
      kept.set(name.split('.')[0] as string, { path, bytes: size, since: mtimeMs });
    }
  }
  return kept;
}

/** How many pictures passed before; a file that is absent or damaged says nothing. */
function readSeen(path: string, least: number): number {
  try {
    const seen = Number(readFileSync(path, 'utf8'));
    return Number.isSafeInteger(seen) ? Math.max(seen, least) : least;
  } catch {
    return least;
  }
}

export class TrafficSampler {
  readonly #options: TrafficOptions;
  readonly #limits: ReturnType<typeof resolveTraffic>;
  readonly #context: TrafficContext;
  readonly #kept: Map<string, Kept>;
  /** The number of pictures that passed, also before a restart. Without it what is kept would be replaced by what passes next. */
  readonly #seenPath: string;
  /** One at a time changes what is kept. */
  readonly #exclusive = createMutex();
  #seen: number;
  #total: number;
  #pending = 0;

  constructor(options: TrafficOptions, context: TrafficContext) {
    this.#options = options;
    this.#limits = resolveTraffic(options);
    this.#context = context;
    this.#kept = readKept(context.directory);
    this.#seenPath = join(context.directory, 'seen');
    this.#seen = readSeen(this.#seenPath, this.#kept.size);
    this.#total = [...this.#kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Cheap and never fails: what cannot be kept is not kept. */
  offer({ url, bytes }: SourcePicture): void {
    if (!isWanted(url, this.#options) || !this.#isDrawn()) return;
    this.#pending += 1;
    const copy = Buffer.from(bytes);
    void this.#exclusive(async () => {
      try {
        await this.#keep(copy);
      } catch (error) {
        this.#context.warn(`a picture could not be kept: ${(error as Error).message}`);
      }
      this.#pending -= 1;
    });
  }

  async count(): Promise<PictureCount & { readonly seen: number }> {
    return { ...(await countPictures(this.#context.directory)), seen: this.#seen };
  }

  /** Hard links (or copies) of what is there now: the sample changes while a job reads it. */
  async snapshot(target: string): Promise<void> {
    for (const kind of KINDS) {
      await mkdir(join(target, kind), { recursive: true });
      for (const path of await listPictures(this.#context.directory, kind)) {
        const copy = join(target, kind, basename(path));
        await link(path, copy).catch(() => copyFile(path, copy).catch(() => {}));
      }
    }
  }

  clear(): Promise<void> {
    return this.#exclusive(async () => {
      for (const part of [...KINDS, 'seen']) {
        await rm(join(this.#context.directory, part), { recursive: true, force: true });
      }
      this.#kept.clear();
      this.#total = 0;
      this.#seen = 0;
    });
  }

  /** Removes what is too old. */
  expire(): Promise<void> {
    return this.#exclusive(async () => {
      const oldest = this.#context.now() - this.#limits.retentionDays * DAY_MS;
      for (const [name, { since }] of [...this.#kept]) if (since < oldest) await this.#remove(name);
    });
  }

  /** Resolves when everything that was offered is kept or skipped. */
  settled(): Promise<void> {
    return this.#exclusive(async () => {});
  }

  /** Algorithm R (Vitter 1985): every picture that passed has the same chance to be among the kept ones. */
  #isDrawn(): boolean {
    const { maxPictures } = this.#limits;
    this.#seen += 1;
    return (
      this.#pending < MAX_PENDING &&
      (this.#kept.size < maxPictures || this.#context.random() * this.#seen < maxPictures)
    );
  }

  async #keep(bytes: Buffer): Promise<void> {
    const { maxPictures, maxBytes } = this.#limits;
    const name = createHash('sha256').update(bytes).digest('hex');
    if (this.#kept.has(name) || bytes.length > maxBytes) return;
    const usable = await inspectPicture(bytes);
    if (!usable) return;
    while (this.#kept.size >= maxPictures || (this.#kept.size > 0 && this.#total + bytes.length > maxBytes)) {
      const names = [...this.#kept.keys()];
      await this.#remove(names[Math.floor(this.#context.random() * names.length)]);
    }
    const path = await keepPicture(this.#context.directory, name, bytes, usable);
    this.#kept.set(name, { path, bytes: bytes.length, since: this.#context.now() });
    this.#total += bytes.length;
    await writeFile(this.#seenPath, String(this.#seen));
  }

  async #remove(name: string): Promise<void> {
    const entry = this.#kept.get(name);
    if (!entry) return;
    this.#kept.delete(name);
    this.#total -= entry.bytes;
    await rm(entry.path, { force: true });
  }
}
