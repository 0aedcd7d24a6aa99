import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { jobFolder } from '../../../src/jobs/queue/job-folder.ts';
import { endOrphan } from '../../../src/jobs/queue/job-process.ts';

const SCRIPT = fileURLToPath(new URL('./paused-server.ts', import.meta.url));
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The pid of a suspended process whose server has been killed. */
async function orphanOf(...args: string[]): Promise<number> {
  const server = spawn(process.execPath, ['--import', LOADER, SCRIPT, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = await once(server.stdout, 'data');
  server.kill('SIGKILL');
  await once(server, 'close');
  return Number(text);
}

describe.skipIf(process.platform === 'win32')('a suspended process of a killed server (not on Windows)', () => {
  test('is killed', async () => {
    const pid = await orphanOf();
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
  });

  test('is left to the next server when it was no longer guarded', async () => {
    const pid = await orphanOf('released');
    await sleep(200);
    expect(isRunning(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });
});

test.skipIf(process.platform !== 'linux')(
  'an orphan that does not end is not waited for without limit (Linux only)',
  async () => {
    const folder = jobFolder(await mkdtemp(join(tmpdir(), 'dualscale-orphan-')));
    const { pid } = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', folder.directory], {
      stdio: 'ignore',
    });
    onTestFinished(async () => {
      vi.restoreAllMocks();
      expect(await endOrphan(folder)).toBe(true);
      await rm(folder.directory, { recursive: true });
    });
    await writeFile(folder.pid, String(pid));
    vi.spyOn(process, 'kill').mockReturnValue(true);
    expect(await endOrphan(folder, 100)).toBe(false);
  },
);
