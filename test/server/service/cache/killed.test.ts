import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { DiskTier } from '../../../../src/server/service/cache/disk-tier.ts';
import { entryOf } from './entry-maker.ts';
import { temporaryFolder } from './temporary-folder.ts';

const KILLS = 50;
const WRITERS = 5;
const root = fileURLToPath(new URL('../../../..', import.meta.url));

/** As JavaScript: loading TypeScript fifty times takes longer than everything else. Below `node_modules`, where packages are found. */
async function compileWriter(): Promise<string> {
  const cache = join(root, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const out = await mkdtemp(join(cache, 'killed-writer-'));
  onTestFinished(() => rm(out, { recursive: true, force: true }));
  const compiler = join(root, 'node_modules', 'typescript', 'lib', 'tsc.js');
  const settings = '--ignoreConfig --rootDir . --module nodenext --target es2023 --rewriteRelativeImportExtensions';
  const args = [compiler, ...settings.split(' '), '--skipLibCheck', '--types', 'node', '--outDir', out];
  execFileSync(process.execPath, [...args, 'test/server/service/cache/killed-writer.ts'], { cwd: root });
  return join(out, 'test', 'server', 'service', 'cache', 'killed-writer.js');
}

async function killAfter(writer: ChildProcess, milliseconds: number): Promise<void> {
  await once(writer, 'message');
  await sleep(milliseconds);
  const exit = once(writer, 'exit');
  writer.kill('SIGKILL');
  expect((await exit)[1]).toBe('SIGKILL');
}

/** Every entry that is found must be whole; it says itself which bytes it must have. */
async function readAll(directory: string): Promise<number> {
  const errors: unknown[] = [];
  const disk = await DiskTier.open({ directory, maxBytes: 10e6, now: Date.now, onError: (e) => void errors.push(e) });
  // What five writers wrote may be more than one may keep: the rest is being removed.
  await disk.close();
  let count = 0;
  for (const file of await readdir(join(directory, 'entries'), { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const entry = await disk.get(file.name);
    const expected = entryOf(entry?.facts['number'] as number, 100_000);
    expect(Buffer.compare(entry?.data as Uint8Array, expected.data)).toBe(0);
    count += 1;
  }
  expect(errors).toEqual([]);
  expect(disk.size.entries).toBe(count);
  expect(disk.size.bytes).toBeLessThanOrEqual(10e6);
  return count;
}

test(`${KILLS} writers are killed while they write: what is left is whole`, { timeout: 240_000 }, async () => {
  const [script, directory] = [await compileWriter(), await temporaryFolder()];
  for (let kill = 0; kill < KILLS; kill += WRITERS) {
    // Several share the folder at a time: starting a process takes longer than what is tested.
    const writers = Array.from({ length: WRITERS }, (_, i) =>
      fork(script, [directory, String((kill + i) * 100_000)], { execArgv: [], stdio: 'inherit' }),
    );
    await Promise.all(writers.map((writer, i) => killAfter(writer, 5 + ((kill + i * 7) % 23))));
    await readAll(directory);
  }
  expect(await readAll(directory)).toBeGreaterThan(20);
  const unfinished = await readdir(join(directory, 'unfinished'));
  expect(unfinished).toEqual([]);
});
