/** Files of JSON that jobs write and read again after a restart. */
import { randomBytes } from 'node:crypto';
import { access } from 'node:fs/promises';
import { readIfThere, replaceFile } from '../core/atomic-file.ts';

/** A reader, also one after a power cut, sees the old content, the new, or none. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await replaceFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** A file that is there and holds no JSON. */
export class CorruptFileError extends Error {
  override readonly name = 'CorruptFileError';

  constructor(path: string, cause: unknown) {
    super(`${path} does not hold valid JSON`, { cause });
  }
}

/** Undefined for a missing file. Throws CorruptFileError, and Node's error for a file that cannot be read now. */
export async function readJson<Value>(path: string): Promise<Value | undefined> {
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  try {
    return JSON.parse(bytes.toString()) as Value;
  } catch (error) {
    throw new CorruptFileError(path, error);
  }
}

/** As `readJson`, but a corrupt file counts as missing after `warn` was told: what it held can be made again. */
export async function readJsonOrWarn<Value>(path: string, warn: (message: string) => void): Promise<Value | undefined> {
  try {
    return await readJson<Value>(path);
  } catch (error) {
    if (!(error instanceof CorruptFileError)) throw error;
    warn(`${error.message}: it is made again`);
    return undefined;
  }
}

/** Reads what was decided before a kill, or decides it. */
export async function decideOnce<Value>(
  path: string,
  warn: (message: string) => void,
  decide: () => Value | Promise<Value>,
): Promise<Value> {
  const known = await readJsonOrWarn<Value>(path, warn);
  if (known !== undefined) return known;
  const value = await decide();
  await writeJson(path, value);
  return value;
}

/** Throws Node's error where that cannot be found out. */
export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** `prefix-` and 16 letters and digits: 80 random bits. */
export function randomId(prefix: string): string {
  const number = BigInt(`0x${randomBytes(10).toString('hex')}`);
  return `${prefix}-${number.toString(36).padStart(16, '0').slice(-16)}`;
}
