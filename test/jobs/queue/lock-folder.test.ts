import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockFolder } from '../../../src/jobs/queue/lock-folder.ts';
import { mountSmallDisk, type SmallDisk } from '../../helpers/small-disk.ts';

const SCRIPT = fileURLToPath(new URL('./lock-process.ts', import.meta.url));
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const [BEAT_MS, STALE_MS] = [200, 2000];
/** A namespace of pids of its own, as a container has. */
const CONTAINER = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
const canUnshare = spawnSync(CONTAINER[0] as string, [...CONTAINER.slice(1), 'true']).status === 0;

const probe = mountSmallDisk(1);
probe?.remove();
const canMount = probe !== undefined;

interface Locker {
  readonly process: ChildProcess;
  /** The next line it says. */
  next(): Promise<string>;
  kill(): Promise<void>;
}

let folder: string;
let lockers: Locker[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-lock-'));
  lockers = [];
});
afterEach(async () => {
  for (const { kill } of lockers) await kill();
  await rm(folder, { recursive: true });
});

function startLocker(around: readonly string[] = []): Locker {
  const own = [process.execPath, '--import', LOADER, SCRIPT, folder, String(BEAT_MS), String(STALE_MS)];
  const [command, ...args] = [...around, ...own] as [string, ...string[]];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const locker: Locker = {
    process: child,
    next: async () => String((await lines.next()).value),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
  lockers.push(locker);
  return locker;
}

async function waitedMs(locker: Locker): Promise<number> {
  const line = await locker.next();
  expect(line).toMatch(/^locked \d+$/);
  return Number(line.split(' ')[1]);
}

const lockHere = () => lockFolder(folder, { onLost: () => {}, beatMs: BEAT_MS, staleMs: STALE_MS });

describe('a folder', () => {
  test('that a killed server left is taken over at once on the same machine', async () => {
    const first = startLocker();
    await waitedMs(first);
    expect(await startLocker().next()).toContain(`used by process ${first.process.pid}`);
    await first.kill();
    expect(await waitedMs(startLocker())).toBeLessThan(1000);
  });

  test.each([false, true])(
    'goes to one of many servers that start at once (left by a killed one: %s)',
    async (isLeft) => {
      if (isLeft) {
        const first = startLocker();
        await waitedMs(first);
        await first.kill();
      }
      const answers = await Promise.all(Array.from({ length: 8 }, () => startLocker().next()));
      expect(
        answers.filter((answer) => answer.startsWith('locked')),
        answers.join('\n'),
      ).toHaveLength(1);
      expect(await readdir(folder)).toEqual(['server.pid']);
    },
  );

  test.skipIf(!canMount)('that a killed server left is taken over on a full disk as well (may mount)', async () => {
    const disk = mountSmallDisk(1) as SmallDisk;
    const own = folder;
    folder = disk.directory;
    try {
      const first = startLocker();
      await waitedMs(first);
      await first.kill();
      disk.fill();
      const unlock = await lockHere();
      expect(await startLocker().next()).toContain(`used by process ${process.pid}`);
      unlock();
    } finally {
      folder = own;
      disk.remove();
    }
  });

  test('whose lock was cut short is taken when nobody changes it', async () => {
    await writeFile(join(folder, 'server.pid'), '');
    const begun = performance.now();
    const unlock = await lockHere();
    expect(performance.now() - begun).toBeGreaterThan(STALE_MS);
    unlock();
    expect(existsSync(join(folder, 'server.pid'))).toBe(false);
  });

  test.skipIf(!canUnshare)('is refused to a server in another container, both ways (may unshare)', async () => {
    const inside = startLocker(CONTAINER);
    await waitedMs(inside);
    expect(await startLocker().next()).toContain('refused');
    expect(await startLocker(CONTAINER).next()).toContain('refused');
    await inside.kill();
    const unlock = await lockHere();
    expect(await startLocker(CONTAINER).next()).toContain(`used by process ${process.pid} on `);
    unlock();
  });

  test.skipIf(!canUnshare)('that a killed container left is taken over when its heartbeat has ended', async () => {
    const inside = startLocker(CONTAINER);
    await waitedMs(inside);
    await inside.kill();
    const waited = await waitedMs(startLocker(CONTAINER));
    expect(waited).toBeGreaterThan(STALE_MS - 500);
    expect(waited).toBeLessThan(STALE_MS + 3000);
  });

  test.skipIf(!canUnshare)('is given up by a server that was taken for dead (may unshare)', async () => {
    const inside = startLocker(CONTAINER);
    await waitedMs(inside);
    const { pid } = inside.process;
    const stopped = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
    process.kill(stopped, 'SIGSTOP');
    const unlock = await lockHere();
    process.kill(stopped, 'SIGCONT');
    expect(await inside.next()).toBe('lost');
    unlock();
    expect(existsSync(join(folder, 'server.pid'))).toBe(false);
  });
});
