import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MAX_LOG_BYTES, readLogTail, writeLog } from '../../../src/jobs/queue/process-log.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-log-'));
  path = join(folder, 'log.txt');
});
afterEach(() => rm(folder, { recursive: true }));

/** A real process that prints so many lines of 64 bytes and ends with an error. */
async function runLong(lines: number): Promise<void> {
  const code = `
    const { writeSync } = require('node:fs');
    for (let i = 0; i < ${lines}; i++) writeSync(1, String(i).padStart(63, '.') + '\\n');
    throw new Error('the very last thing');`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'pipe'] });
  const written = writeLog(child, path);
  await once(child, 'close');
  await written;
}

test('the end of a long log is kept, with the stack of the error, and no more than twice the bound', async () => {
  await runLong((5 * MAX_LOG_BYTES) / 64);
  const tail = (await readLogTail(path, 1 << 18)).toString();
  expect(tail).toMatch(/Error: the very last thing\n\s+at /);
  expect(tail.length).toBe(1 << 18);
  const names = (await readdir(folder)).sort();
  expect(names).toEqual(['log.txt', 'log.txt.1']);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_LOG_BYTES + (1 << 17));
  // Nothing is missing between the two.
  const text = (await readFile(`${path}.1`, 'utf8')) + (await readFile(path, 'utf8'));
  const numbers = [...text.matchAll(/^\.+(\d+)$/gm)].map(([, digits]) => Number(digits));
  expect(numbers.every((number, i) => i === 0 || number === (numbers[i - 1] as number) + 1)).toBe(true);
  expect(numbers.at(-1)).toBe((5 * MAX_LOG_BYTES) / 64 - 1);
}, 60_000);

test('a process goes on where the one before ended', async () => {
  await runLong(3);
  await runLong(2);
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line.startsWith('....'));
  expect(lines.map((line) => Number(line.replace(/^\.+/, '')))).toEqual([0, 1, 2, 0, 1]);
});

test('without a place to write, the process goes on all the same', async () => {
  await mkdir(path);
  await runLong(2000);
  await rm(path, { recursive: true });
  await writeFile(path, 'short');
  expect((await readLogTail(path, 100)).toString()).toBe('short');
  expect(await readLogTail(join(folder, 'none.txt'), 100)).toHaveLength(0);
});
