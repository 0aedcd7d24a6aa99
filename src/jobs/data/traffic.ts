/** The traffic sampler: a bounded random sample of the pictures that passed through, to learn from what is really asked for. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { copyFile, link, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { badOption } from '../../core/errors.ts';
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

export interface TrafficSampler {
  /** Cheap and never fails: what cannot be kept is not kept. */
  offer(picture: SourcePicture): void;
  count(): Promise<PictureCount & { readonly seen: number }>;
  /** Hard links (or copies) of what is there now: the sample changes while a job reads it. */
  snapshot(directory: string): Promise<void>;
  clear(): Promise<void>;
  /** Removes what is too old. */
  expire(): void;
  /** Resolves when everything that was offered is kept or passed over. */
  settled(): Promise<void>;
}

export interface TrafficParts {
  readonly directory: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number;
  readonly warn: (message: string) => void;
}

const DAY_MS = 86_400_000;
/** Pictures that wait to be looked at; more are passed over, for serving goes first. */
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

async function linkPictures(from: string, to: string): Promise<void> {
  for (const kind of KINDS) {
    await mkdir(join(to, kind), { recursive: true });
    for (const path of await listPictures(from, kind)) {
      const copy = join(to, kind, basename(path));
      await link(path, copy).catch(() => copyFile(path, copy).catch(() => {}));
    }
  }
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

export function createTrafficSampler(options: TrafficOptions, parts: TrafficParts): TrafficSampler {
  const { maxPictures, maxBytes, retentionDays } = resolveTraffic(options);
  const { directory, now, random, warn } = parts;
  const kept = readKept(directory);
  // Kept over restarts: a server that forgot it would replace what it has by whatever passes next.
  const seenPath = join(directory, 'seen');
  let seen = readSeen(seenPath, kept.size);
  let total = [...kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  let pending = 0;
  let last: Promise<void> = Promise.resolve();

  const remove = (name: string): void => {
    const entry = kept.get(name);
    if (!entry) return;
    kept.delete(name);
    total -= entry.bytes;
    rmSync(entry.path, { force: true });
  };

  const removeAny = (): void => {
    const names = [...kept.keys()];
    remove(names[Math.floor(random() * names.length)] as string);
  };

  const keep = async (bytes: Buffer): Promise<void> => {
    const name = createHash('sha256').update(bytes).digest('hex');
    if (kept.has(name) || bytes.length > maxBytes) return;
    const usable = await inspectPicture(bytes);
    if (!usable) return;
    while (kept.size >= maxPictures || (kept.size > 0 && total + bytes.length > maxBytes)) removeAny();
    const path = await keepPicture(directory, name, bytes, usable);
    kept.set(name, { path, bytes: bytes.length, since: now() });
    total += bytes.length;
    await writeFile(seenPath, String(seen));
  };

  /** Algorithm R (Vitter 1985): every picture that passed has the same chance to be among the kept ones. */
  const isDrawn = (): boolean => {
    seen += 1;
    return pending < MAX_PENDING && (kept.size < maxPictures || random() * seen < maxPictures);
  };

  return {
    offer({ url, bytes }) {
      if (!isWanted(url, options) || !isDrawn()) return;
      pending += 1;
      const copy = Buffer.from(bytes);
      last = last
        .then(() => keep(copy))
        .catch((error: Error) => warn(`a picture could not be kept: ${error.message}`))
        .finally(() => {
          pending -= 1;
        });
    },
    count: async () => ({ ...(await countPictures(directory)), seen }),
    snapshot: (target) => linkPictures(directory, target),
    async clear() {
      await last;
      for (const part of [...KINDS, 'seen']) await rm(join(directory, part), { recursive: true, force: true });
      kept.clear();
      [total, seen] = [0, 0];
    },
    expire() {
      const oldest = now() - retentionDays * DAY_MS;
      for (const [name, { since }] of [...kept]) if (since < oldest) remove(name);
    },
    settled: () => last,
  };
}
