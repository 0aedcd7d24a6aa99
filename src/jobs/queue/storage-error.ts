/** Errors of a disk that is full, read-only or out of order: what they stop goes on when somebody has seen to the disk. */
import { DualscaleError } from '../../core/errors.ts';

/** There is no room, or nobody may write: a job's process that meets one of these asks for another try. */
const UNWRITABLE: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

/** What the server may meet besides, in folders that are its own. */
const UNUSABLE: ReadonlySet<string> = new Set([
  ...UNWRITABLE,
  ...['EACCES', 'EPERM', 'EIO', 'ENXIO', 'ENODEV', 'ESTALE', 'EMFILE', 'ENFILE'],
]);

/** Errors are wrapped a few times at most. */
const MAX_CAUSES = 5;

function codeAmong(codes: ReadonlySet<string>, error: unknown): string | undefined {
  let current = error;
  for (let i = 0; i < MAX_CAUSES && current instanceof Error; i++) {
    const { code } = current as NodeJS.ErrnoException;
    if (code !== undefined && codes.has(code)) return code;
    current = current.cause;
  }
  return undefined;
}

export const isUnwritable = (error: unknown): boolean => codeAmong(UNWRITABLE, error) !== undefined;

/** The code of what keeps a job waiting: the system's, or DS_NO_SPACE; undefined for any other error. */
export function storageCode(error: unknown): string | undefined {
  if (error instanceof DualscaleError && error.code === 'DS_NO_SPACE') return error.code;
  return codeAmong(UNUSABLE, error);
}
