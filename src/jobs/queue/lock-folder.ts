/** One server per folder: two would both run its jobs. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { badOption } from '../../errors.ts';

/** Pid and, where the system tells, when that process began: pids are used again. */
async function processName(pid: number): Promise<string | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the command stands in parentheses and may hold anything; field 22, counted from there, is the start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie holds nothing any more.
  if (fields[0] === 'Z') return undefined;
  return `${pid} ${fields[19] ?? ''}`.trim();
}

/** Gives the function that gives the folder back. Throws DS_BAD_OPTION while another server has it. */
export async function lockFolder(directory: string): Promise<() => void> {
  const path = join(directory, 'server.pid');
  const own = (await processName(process.pid)) as string;
  const holder = await readFile(path, 'utf8').catch(() => '');
  const holderPid = Number.parseInt(holder, 10);
  if (holder !== '' && (await processName(holderPid)) === holder) {
    throw badOption('dir', 'a folder that no other server uses', `${directory}, used by process ${holderPid}`);
  }
  writeFileSync(path, own);
  return () => {
    try {
      if (readFileSync(path, 'utf8') === own) rmSync(path);
    } catch {
      // Somebody has removed the folder.
    }
  };
}
