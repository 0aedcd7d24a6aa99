/** Who holds a lock: a process, on one run of one machine. */
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

export interface Holder {
  /** Of this lock alone. */
  readonly key: string;
  readonly host: string;
  /** Where its pid means something: this run of the machine, and the namespace of pids (a container has its own). */
  readonly place: string;
  readonly pid: number;
  /** When that process began, where the system tells: pids are used again. */
  readonly begun: string;
}

/** Of this process: see `Holder`. Where the system tells nothing of it, the name of the machine. */
export async function placeOf(): Promise<string> {
  const [boot, space] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ]);
  return boot === '' || space === '' ? `host ${hostname()}` : `${boot.trim()} ${space}`;
}

/** When a process began, empty where the system does not tell; undefined when there is none. */
export async function beginOf(pid: number): Promise<string | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the command stands in parentheses and may hold anything; field 22, counted from there, is the start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie holds nothing any more.
  return fields[0] === 'Z' ? undefined : (fields[19] ?? '');
}

/** Undefined for a text that was cut off, or of another form. */
export function parseHolder(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
}
