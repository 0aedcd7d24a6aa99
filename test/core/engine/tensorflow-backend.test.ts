import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findMissingPackages } from '../../../src/core/engine/tfjs/tfjs-backend.ts';
import { scriptFor } from '../../../src/core/engine/worker-script.ts';
import type { TensorflowStep } from './tensorflow-case.ts';
import { writeNode23Preload, writeTensorflowStandIn } from './tensorflow-stand-in.ts';

/** Runs a step of `tensorflow-case.ts` where tfjs-node is found in `nodePath`, after `preload` in each of its processes and threads. */
function runCase(
  step: TensorflowStep,
  nodePath: string,
  preload?: string,
): Promise<{ value: unknown; messages: string[] }> {
  const { file, execArgv } = scriptFor(import.meta.url, 'tensorflow-case');
  const options = preload === undefined ? {} : { NODE_OPTIONS: `--require ${preload}` };
  return new Promise((resolve, reject) => {
    const child = fork(file, [step], { execArgv, env: { ...process.env, ...options, NODE_PATH: nodePath } });
    child.on('message', resolve);
    child.on('close', (code) => reject(new Error(`the case ended with code ${code}`)));
  });
}

const hasTensorflow = findMissingPackages('tensorflow') === undefined;

describe.skipIf(hasTensorflow)('a stand-in for tfjs-node (skipped where the real one is installed)', () => {
  let root: string;
  let working: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'dualscale-tensorflow-'));
    working = await writeTensorflowStandIn(join(root, 'working'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  test('is what auto takes and says, and enlarges in a worker, on Node 23 too', async () => {
    const { value, messages } = await runCase('enlarge', working, await writeNode23Preload(root));
    const { expected, result, again } = value as { expected: number[]; result: number[]; again: number[] };
    expect(result).toHaveLength(24 * 18 * 3);
    const differences = result.map((level, i) => Math.abs(level - (expected[i] as number)));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    expect(again).toEqual(result);
    expect(messages).toContain('engine tfjs on backend tensorflow (@tensorflow/tfjs-node)');
  });

  test('serves one pool and one worker of a process at a time', async () => {
    const { value } = await runCase('conflict', working);
    expect(value).toEqual({
      second: expect.stringMatching(/another pool uses tfjs-node/),
      workers: expect.stringMatching(/`workers` to be 1 with the backend tensorflow.*got `2`/),
      third: 'created',
    });
  });

  test('is left to the thread that has loaded it', async () => {
    const { value } = await runCase('loaded', working);
    expect(value).toMatch(/this thread has loaded tfjs-node/);
  });

  test.each([
    [
      'throws',
      "throw new Error('libtensorflow.so.2 is not there\\nmore')",
      /tfjs-node: libtensorflow.so.2 is not there`/,
    ],
    ['kills the process', "process.kill(process.pid, 'SIGSEGV')", /ended with SIGSEGV/],
    ['registers nothing', '', /tfjs-node: .*tensorflow/],
  ])('that %s is a bad option with the reason', async (name, source, message) => {
    const { value } = await runCase('failure', await writeTensorflowStandIn(join(root, name), source));
    expect(value).toMatch(/^expected `provider` to be a TF.js backend that works here, got `tensorflow: /);
    expect(value).toMatch(message);
  });
});
