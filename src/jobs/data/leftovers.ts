/** What processes that were killed left behind, where nobody can need it any more. */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifest } from '../../core/models/load.ts';

export interface SweepOptions {
  readonly modelsDir: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly warn: (message: string) => void;
}

/** A publication takes seconds. Others may publish into the same folder: theirs must never be taken for dead. */
const OLD_MS = 86_400_000;
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const PUBLICATION = new RegExp(`^\\.publish-[a-z0-9-]+-${UUID}$`);
const BESIDE = new RegExp(`^\\.(?:manifest(?:\\.previous)?\\.json|weights[a-z0-9-]*\\.safetensors)\\.${UUID}$`);
const REPLACED_WEIGHTS = /^weights-[0-9a-f]{16}\.safetensors$/;
const TEMPORARY = /\.(?:\d+|[0-9a-f]{12})\.tmp$/;

async function isOld(path: string, now: number): Promise<boolean> {
  const { mtimeMs, ctimeMs } = await stat(path);
  // A copy may keep the time of its original, but not that of its own making.
  return now - Math.max(mtimeMs, ctimeMs) > OLD_MS;
}

/** Names of the weights that the manifests of a folder speak of; undefined when one of them cannot be read. */
async function neededWeights(directory: string, names: readonly string[]): Promise<Set<string> | undefined> {
  try {
    const needed = new Set([(await readManifest(directory)).weights.file]);
    if (names.includes('manifest.previous.json')) {
      const previous = JSON.parse(await readFile(join(directory, 'manifest.previous.json'), 'utf8'));
      needed.add(previous.weights.file as string);
    }
    return needed;
  } catch {
    return undefined;
  }
}

async function sweepModel(directory: string, now: number): Promise<void> {
  const names = await readdir(directory);
  const candidates = names.filter((name) => BESIDE.test(name) || REPLACED_WEIGHTS.test(name));
  if (candidates.length === 0) return;
  const needed = await neededWeights(directory, names);
  if (!needed) return;
  for (const name of candidates) {
    const path = join(directory, name);
    if (!needed.has(name) && (await isOld(path, now))) await rm(path, { force: true });
  }
}

/** Publications that were cut short more than a day ago, and weights that no manifest speaks of. Never fails. */
export async function sweepUnpublished({ modelsDir, now, warn }: SweepOptions): Promise<void> {
  const entries = await readdir(modelsDir, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(modelsDir, entry.name);
    try {
      if (!entry.isDirectory()) continue;
      if (!entry.name.startsWith('.')) await sweepModel(path, now());
      else if (PUBLICATION.test(entry.name) && (await isOld(path, now()))) await rm(path, { recursive: true });
    } catch (error) {
      warn(`${path} is not tidied up: ${String(error)}`);
    }
  }
}

/** Files below a job's folder that a process had not finished when it was killed. Only while none works there. Never fails. */
export async function sweepTemporary(work: string): Promise<void> {
  const entries = await readdir(work, { withFileTypes: true, recursive: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile() || !TEMPORARY.test(entry.name)) continue;
    // What stays is written over or removed with the folder.
    await rm(join(entry.parentPath, entry.name), { force: true }).catch(() => {});
  }
}
