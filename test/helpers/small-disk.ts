/** A disk of a few mebibytes that can be filled, emptied and made read-only. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  readonly directory: string;
  /** Until not one more byte goes on it. */
  fill(): void;
  /** Takes away what `fill` has written. */
  free(): void;
  setReadOnly(isReadOnly: boolean): void;
  remove(): void;
}

const run = (command: string, ...args: readonly string[]) => void execFileSync(command, args, { stdio: 'ignore' });

/** Undefined where this process may not mount one. */
export function mountSmallDisk(mebibytes: number): SmallDisk | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'dualscale-disk-'));
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', directory);
  } catch {
    rmSync(directory, { recursive: true });
    return undefined;
  }
  const filler = join(directory, '.filler');
  return {
    directory,
    fill() {
      const fd = openSync(filler, 'a');
      try {
        for (const size of [1 << 16, 1]) {
          try {
            for (const bytes = Buffer.alloc(size); ; ) writeSync(fd, bytes);
          } catch {
            // Full for writes of this size.
          }
        }
      } finally {
        closeSync(fd);
      }
    },
    free: () => rmSync(filler, { force: true }),
    setReadOnly: (isReadOnly) => run('mount', '-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, directory),
    remove() {
      run('umount', '-l', directory);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
