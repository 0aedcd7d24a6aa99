import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startThreads } from '../../../src/core/engine/pool/worker-threads.ts';
import type { TileTask } from '../../../src/core/engine/tile/tile-task.ts';
import { scriptFor } from '../../../src/core/engine/worker-script.ts';
import type { LoadedMark } from './pool-slow-worker.ts';

/** What the threads of `pool-slow-worker.ts` leave when they have loaded. */
const loaded = () =>
  readdirSync(tmpdir()).filter((name): name is LoadedMark => name.startsWith(`dualscale-slow-worker-${process.pid}-`));

afterEach(() => {
  for (const name of loaded()) rmSync(join(tmpdir(), name));
});

test('threads are not stopped while they load: that would end the process', async () => {
  const threads = startThreads(2, scriptFor(import.meta.url, 'pool-slow-worker'), undefined);
  expect(loaded()).toHaveLength(0);
  await threads.close();
  expect(loaded()).toHaveLength(2);
});

test('nor is a thread that replaces another one', async () => {
  const threads = startThreads(1, scriptFor(import.meta.url, 'pool-slow-worker'), undefined);
  await expect(threads.run({} as TileTask)).rejects.toThrow('exited');
  expect(loaded()).toHaveLength(1);
  await threads.close();
  expect(loaded()).toHaveLength(2);
});

test('a thread that ends while it loads is not waited for', async () => {
  const threads = startThreads(1, scriptFor(import.meta.url, 'no-such-worker'), undefined);
  const begun = performance.now();
  await threads.close();
  expect(performance.now() - begun).toBeLessThan(15_000);
});
